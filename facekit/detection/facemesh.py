"""MediaPipe's networks: face boxes, and 478 landmarks of a crop. Their weights are in the wheel.

The landmark network is run on crops that facekit chooses (rather than behind MediaPipe's own face detector),
so that it can look at a face under small perturbations, and at faces the detector misses.
"""

from __future__ import annotations

import atexit
import os
import warnings
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from facekit.detection.detector import Detector, Reading
from facekit.detection.lanes import LANES
from facekit.detection.quiet import quiet_native
from facekit.records import ByteArray, FloatArray

# FaceLandmarkCpu is the part of mp.solutions.face_mesh that maps one region of a picture to landmarks.
GRAPH = """
input_stream: "IMAGE:image"
input_stream: "ROI:roi"
input_side_packet: "WITH_ATTENTION:refine"
output_stream: "LANDMARKS:landmarks"
node {
  name: "mesh"
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "WITH_ATTENTION:refine"
  output_stream: "LANDMARKS:landmarks"
}
"""


class RawBox(NamedTuple):
    """A face as MediaPipe's detector gives it, in pixels of the picture it saw."""

    score: float  # 0 to 1
    centre: FloatArray  # (2,)
    side: float  # longer side of the box
    angle: float  # rad, of the line from the subject's right eye to the left eye


class FaceMesh(Detector):
    """MediaPipe face mesh with attention (Grishchenko et al. 2020): 478 points with relative depth."""

    name = "mediapipe"
    scheme = "mediapipe478"
    crop_size = 192
    margin = 1.5
    shift = 0.0
    runs = 8
    lanes = LANES

    def landmarks(self, crop: ByteArray, lane: int = 0) -> Reading:
        """478 points; see ``Detector.landmarks``. Confidence: the network's score that this is a face."""
        graph, whole = _mesh_graph(lane)
        output = graph.process({"image": np.ascontiguousarray(crop), "roi": whole})
        found, presence = output.landmarks.landmark, output.mesh__face_presence_score
        points = np.array([(p.x, p.y, p.z) for p in found], dtype=np.float64) * crop.shape[0]
        return Reading(points[:, :2], points[:, 2], np.full(len(points), float(presence)))


def raw_boxes(picture: ByteArray, full_range: bool, lane: int = 0, threshold: float = 0.4) -> list[RawBox]:
    """Faces that MediaPipe's short-range (128²) or full-range (192²) detector finds in (H, W, 3) uint8."""
    height, width = picture.shape[:2]
    found = _box_graph(full_range, lane).process(np.ascontiguousarray(picture)).detections or []
    boxes = []
    for detection in found:
        score, place = float(detection.score[0]), detection.location_data
        box, (right, left) = place.relative_bounding_box, place.relative_keypoints[:2]
        centre = np.array([(box.xmin + box.width / 2) * width, (box.ymin + box.height / 2) * height])
        side = max(box.width * width, box.height * height)
        angle = np.arctan2((left.y - right.y) * height, (left.x - right.x) * width)
        if score >= threshold and side > 0:
            boxes.append(RawBox(score, centre, float(side), float(angle)))
    return boxes


_starting = Lock()  # networks start one at a time: what they say on stderr is kept back


@cache
def _mediapipe() -> ModuleType:
    """The package, imported without its notices, when a detector first runs: it takes about 1 s."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with quiet_native(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import mediapipe

    return mediapipe


def _mesh_graph(lane: int) -> tuple[Any, Any]:
    with _starting:
        return _start_mesh(lane)


def _box_graph(full_range: bool, lane: int) -> Any:
    with _starting:
        return _start_boxes(full_range, lane)


@cache
def _start_mesh(lane: int) -> tuple[Any, Any]:
    _mediapipe()
    from google.protobuf import text_format
    from mediapipe.framework import calculator_pb2
    from mediapipe.framework.formats import rect_pb2
    from mediapipe.python.solution_base import SolutionBase

    whole = rect_pb2.NormalizedRect(x_center=0.5, y_center=0.5, width=1.0, height=1.0)
    with quiet_native():
        graph = SolutionBase(
            graph_config=text_format.Parse(GRAPH, calculator_pb2.CalculatorGraphConfig()),
            side_inputs={"refine": True},
            calculator_params={"mesh__ThresholdingCalculator.threshold": -1.0},
            outputs=["landmarks", "mesh__face_presence_score"],
        )
        graph.process(
            {"image": np.zeros((192, 192, 3), np.uint8), "roi": whole}
        )  # its first run is the noisy one
    atexit.register(graph.close)
    return graph, whole


@cache
def _start_boxes(full_range: bool, lane: int) -> Any:
    solution = _mediapipe().solutions.face_detection
    with quiet_native():
        graph = solution.FaceDetection(min_detection_confidence=0.3, model_selection=int(full_range))
        graph.process(np.zeros((192, 192, 3), np.uint8))
    atexit.register(graph.close)
    return graph
