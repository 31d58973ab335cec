"""A capture of an invented person: what a dome of cameras, a headset and a landmark detector would see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facekit.avatar.capture import Capture, Hmc, Mesh, Views, blank, pack, project_keypoints
from facekit.avatar.capture_augment import disturb_keypoints
from facekit.avatar.keypoints import keypoints_of
from facekit.morphable.model import FaceModel
from facekit.records import ByteArray, FloatArray
from facekit.synthetic.capture import (
    LitFrame,
    Seen,
    Subject,
    light_frame,
    mean_texture,
    pose_mesh,
    sample_subject,
    see,
)
from facekit.synthetic.chance import numpy_generator
from facekit.synthetic.dome import Dome, build_dome, front_camera, headset_cameras
from facekit.synthetic.performance import Performance, perform
from facekit.synthetic.texel_shader import to_bytes

if TYPE_CHECKING:
    import torch

# Of the keypoints, see disturb_keypoints. The landmarks that `detect` finds in 39 front views of such a
# capture, 4 times enlarged, differ from their means by 0.5 % of the face's width in the middle half and 1.0 %
# in squares; the face is 0.54 of the picture wide.
KEYPOINT_NOISE = 0.003
GRAIN = 0.8  # standard deviation of the cameras' noise, in units of 1/255
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class CaptureOptions:
    """Numbers and sizes."""

    frames: int = 600  # to train on
    held_out: int = 120  # frames of other segments
    cameras: int = 8
    texture: int = 128  # texels a side
    view: tuple[int, int] = (128, 128)  # px, height and width
    hmc: tuple[int, int] = (48, 64)
    noise: float = KEYPOINT_NOISE

    @property
    def nbytes(self) -> int:
        """Bytes of all pictures and textures, so that a disk can be asked before long work."""
        views = self.cameras * self.view[0] * self.view[1] * 3
        return (self.frames + self.held_out) * (views + 3 * self.texture**2 + 3 * self.hmc[0] * self.hmc[1])


PRESETS = {
    "tiny": CaptureOptions(60, 20, 4, 32, (48, 48), (24, 32)),
    "small": CaptureOptions(),
    "paper": CaptureOptions(10000, 500, 40, 1024, (2048, 1334), (480, 640)),
}


@dataclass(frozen=True)
class Shooting:
    """Everything decided before the first frame is rendered."""

    subject: Subject
    dome: Dome
    performance: Performance
    like: Capture  # the capture with its frames yet to come
    rest: FloatArray  # (N, 3) float32 linear, colours of texels that no camera sees
    seed: int  # of the cameras' noise
    noise: float  # of the keypoints


def plan_capture(
    model: FaceModel, generator: torch.Generator, options: CaptureOptions, subject: str = "invented"
) -> Shooting:
    """A person, what they do and the cameras. Same generator state, same capture.

    The model needs a chart and the landmarks of both schemes. Raises UsageError without those of MediaPipe.
    """
    rng = numpy_generator(generator)
    person = sample_subject(model, options.texture, rng)
    done = perform(model.expression_names, options.frames, options.held_out, rng)
    marks = model.topology.embeddings["ibug68"].points(person.neutral)
    target = (marks[36:48].mean(axis=0) + marks[8]) / 2 + np.array([0.0, 0.016, -0.03])
    dome = build_dome(options.cameras, options.view, target, rng)
    like = _blank_capture(person, done, dome, marks, target, options, subject)
    still = np.zeros(len(model.expression_names), np.float32)
    lit = light_frame(person, pose_mesh(person, still), still, 0.0, dome, np.eye(3, 4))
    return Shooting(person, dome, done, like, lit.matt, int(rng.integers(2**31)), options.noise)


def _blank_capture(
    person: Subject,
    done: Performance,
    dome: Dome,
    marks: FloatArray,
    target: FloatArray,
    options: CaptureOptions,
    name: str,
) -> Capture:
    topology, count, size = person.model.topology, len(done.segment), options.texture
    (height, width), (h, w) = options.view, options.hmc
    views = Views(
        dome.names,
        dome.K,
        dome.R,
        dome.t,
        dome.gain,
        dome.bias,
        blank((count, options.cameras, height, width, 3)),
        blank((count, options.cameras, height, -(-width // 8))),
    )
    worn = headset_cameras(marks, options.hmc)
    return Capture(
        name,
        Mesh(
            topology.faces.astype(np.int32),
            topology.uv.astype(np.float32),
            topology.uv_faces.astype(np.int32),
        ),
        done.segments,
        done.segment,
        done.held_out,
        done.head,
        blank((count, len(person.neutral), 3), np.float32),
        blank((count, size, size, 3)),
        views,
        Hmc(*worn, done.headset, blank((count, 3, h, w)), blank((count, 3, h, -(-w // 8)))),
        replace(keypoints_of(topology, front_camera(target), count), noise=options.noise),
        person.model.expression_names,
        done.weights,
    )


def film(plan: Shooting, made: Capture) -> Iterator[int]:
    """Fill the arrays of ``made``, frame by frame; yields the number of each finished frame."""
    assert made.keypoints is not None
    for n in range(len(made)):
        rng = np.random.default_rng([plan.seed, n])
        weights, flush = plan.performance.weights[n], float(plan.performance.flush[n])
        vertices = pose_mesh(plan.subject, weights)
        lit = light_frame(plan.subject, vertices, weights, flush, plan.dome, made.head[n])
        made.meshes[n] = vertices
        points = project_keypoints(made.keypoints, vertices)
        other = np.random.default_rng([plan.seed, n, 1])  # pictures are the same without this noise
        made.keypoints.points[n] = disturb_keypoints(points, other, plan.noise)
        seen = _film_views(plan, made, lit, n, rng)
        made.textures[n] = mean_texture(plan.subject, seen, plan.rest, made.textures.shape[1])
        _film_headset(plan, made, lit, n, rng)
        yield n


def _film_views(plan: Shooting, made: Capture, lit: LitFrame, n: int, rng: np.random.Generator) -> list[Seen]:
    views, seen = made.views, []
    assert views is not None
    for m in range(len(views.names)):
        one = see(plan.subject, lit, made.view_camera(n, m))
        views.images[n, m] = grain(to_bytes(one.image, views.gain[m], views.bias[m]), rng)
        views.masks[n, m] = pack(one.mask)
        seen.append(one)
    return seen


def _film_headset(plan: Shooting, made: Capture, lit: LitFrame, n: int, rng: np.random.Generator) -> None:
    hmc = made.hmc
    assert hmc is not None
    for s in range(len(hmc.names)):
        one = see(plan.subject, lit, made.hmc_camera(n, s))
        picture = grain((to_bytes(one.image).astype(np.float32) @ LUMA).astype(np.uint8), rng)
        hmc.images[n, s] = np.where(one.mask, picture, 0)
        hmc.masks[n, s] = pack(one.mask)


def grain(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """The picture with a camera's noise."""
    noise = np.asarray(rng.standard_normal(picture.shape, np.float32))
    return np.asarray(cv2.add(picture.astype(np.float32), GRAIN * noise).clip(0, 255) + 0.5, np.uint8)
