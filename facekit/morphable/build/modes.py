"""Identity and expression modes on the template: symmetric to the last bit, in standard deviations."""

from __future__ import annotations

import numpy as np

from facekit.morphable.build.eye import eye_centre
from facekit.morphable.build.source import IctSource
from facekit.morphable.build.template import Template
from facekit.morphable.topology import MIRROR
from facekit.records import FloatArray

# ARKit weight per standard deviation: how strongly faces in photos use each expression; the rest 0.25.
SCALE = {
    "jawOpen": 0.2, "jawForward": 0.15, "jawLeft": 0.12, "jawRight": 0.12, "mouthLeft": 0.15,
    "mouthRight": 0.15, "mouthFunnel": 0.2, "mouthClose": 0.03, "mouthRollLower": 0.2, "cheekPuff": 0.15,
    "mouthRollUpper": 0.2, "noseSneer": 0.2, "mouthSmile": 0.3, "eyeBlink": 0.3, "eyeWide": 0.2,
}  # fmt: skip
OTHER_SCALE = 0.25
LARGEST_WEIGHT = {"mouthClose": 0.1}  # alone it turns the mouth inside out: a corrective for jawOpen
GAZE_YAW, GAZE_PITCH = np.radians(28.0), np.radians(22.0)  # turn of the eyeball at eyeLook weight 1
REST_WEIGHT = 0.1  # of vertices outside the narrow face in the inner product that orders the modes


def quantised(modes: FloatArray) -> FloatArray:
    """float32 values that float16 holds exactly (at most 0.05 % of a displacement)."""
    return modes.astype(np.float16).astype(np.float32)


def reflected(modes: FloatArray, template: Template) -> FloatArray:
    return modes[..., template.mirror, :] * MIRROR


def identity_modes(source: IctSource, template: Template, weight: FloatArray) -> FloatArray:
    """(100, V, 3) m per standard deviation, orthogonal under the weighted inner product, by falling variance.

    The coefficients of the source are N(0, 1), so the modes define the covariance; an orthogonal change of
    basis keeps it. ``weight`` (V,) is the area each vertex stands for, larger in the face.
    """
    modes = _transferred(source.identity, template)
    symmetric = (modes * reflected(modes, template)).sum(axis=(1, 2)) > 0
    parts, variance = [], []
    for sign, chosen in ((1.0, symmetric), (-1.0, ~symmetric)):
        part = (modes[chosen] + sign * reflected(modes[chosen], template)) / 2
        flat = part.reshape(len(part), -1)
        value, vector = np.linalg.eigh((flat * np.repeat(weight, 3)) @ flat.T)
        part = (vector.T @ flat).reshape(part.shape)
        part = (part + sign * reflected(part, template)) / 2
        parts.append(part)
        variance.append(value)
    modes = np.concatenate(parts)[np.argsort(-np.concatenate(variance), kind="stable")]
    largest = np.abs(modes[:, :, 2]).argmax(axis=1)
    return modes * np.sign(modes[np.arange(len(modes)), largest, 2])[:, None, None]


def _transferred(modes: FloatArray, template: Template) -> FloatArray:
    return np.stack([template.transfer @ mode for mode in modes])


def expression_scale(names: tuple[str, ...]) -> FloatArray:
    """(K,) ARKit weight per standard deviation."""
    return np.array([SCALE.get(_stem(name), OTHER_SCALE) for name in names])


def expression_bounds(names: tuple[str, ...]) -> FloatArray:
    """(K,) largest ARKit weight."""
    return np.array([LARGEST_WEIGHT.get(_stem(name), 1.0) for name in names])


def _stem(name: str) -> str:
    return name.removesuffix("_L").removesuffix("_R")


def expression_modes(source: IctSource, template: Template) -> FloatArray:
    """(53, V, 3) m at weight 1, left and right exact mirrors, with the eyeballs following the gaze."""
    modes = _transferred(source.expression, template)
    for k, name in enumerate(source.expression_names):
        if name.startswith("eyeLook"):
            _turn_eye(modes[k], name, source, template)
    return (modes + reflected(modes[source.expression_mirror], template)) / 2


def _turn_eye(mode: FloatArray, name: str, source: IctSource, template: Template) -> None:
    """Displacement of an eyeball's vertices by a turn about its centre; the source's eyes stand still."""
    side = 0 if name.endswith("_L") else 1
    vertices = template.eye_vertices[side]
    outward = 1.0 if side == 0 else -1.0
    yaw = {"eyeLookIn": -GAZE_YAW, "eyeLookOut": GAZE_YAW}.get(_stem(name), 0.0) * outward
    pitch = {"eyeLookUp": -GAZE_PITCH, "eyeLookDown": GAZE_PITCH}.get(_stem(name), 0.0)
    c, s = np.cos(yaw + pitch), np.sin(yaw + pitch)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]] if yaw else [[1, 0, 0], [0, c, -s], [0, s, c]])
    points = (template.transfer @ source.mean)[vertices] - eye_centre(source) * [outward, 1, 1]
    mode[vertices] = points @ turn.T - points
