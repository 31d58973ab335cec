"""Jaw landmarks that slide along the silhouette: seen from the side, annotators and 2-D detectors mark where
the face ends in the picture, not the jaw line behind it.

Each jaw landmark has a path over the surface of the mean face, from its place on the jaw line towards the
middle of the face, in a plane of about the jaw's outward normal and the face's forward direction (the
parallels of Zhu et al., High-Fidelity Pose and Expression Normalization, CVPR 2015). In a view it stands at
the outermost point of its path that faces the camera; on the near side that is the jaw line itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.landmark_model import LandmarkModel, landmark_model
from facekit.fitting.view import View, align
from facekit.geometry.mesh import edges, vertex_normals
from facekit.morphable.model import FaceModel

Array = NDArray[np.float64]

JAW = slice(0, 17)  # of ibug68, the subject's right ear to the left
NOSE = 30  # of ibug68, the tip
ALONG = 0.015  # m, by which a point may be off along the contour
DEPTH = 0.4  # of the jaw's width: how far behind the jaw line the centre of a path lies
LEVEL = 0.3  # heads turn more than they nod: by so much less than the jaw's normals do the paths climb
STEP, STEPS = 4.0, 25  # degrees round that centre between points of a path, and how many there are
NOWHERE = -1
SHORTEST = 40.0  # degrees: the chin's paths end there, below the fold under the lip


@dataclass(frozen=True)
class Paths:
    """Candidate places of the jaw landmarks, the jaw line first; 17 paths of P points."""

    places: LandmarkModel  # of the 17 P points, path by path
    normals: Array  # (17, P, 3) of the mean face, outward

    def model(self, view: View) -> LandmarkModel:
        """The 17 landmarks where they stand in ``view``."""
        count, size = self.normals.shape[:2]
        places = self.places.mean.reshape(count, size, 3)
        camera = -view.rotation.T @ view.translation()
        facing = (self.normals * (camera - places)).sum(2)
        first = np.where((facing > 0).any(1), (facing > 0).argmax(1), size - 1)
        row, before = np.arange(count), np.maximum(first - 1, 0)
        gap = facing[row, first] - facing[row, before]
        share = np.where(first > 0, facing[row, first] / np.where(gap > 0, gap, 1.0), 0.0).clip(0.0, 1.0)
        one, other = (self.places.at(row * size + k) for k in (first, before))
        mean = one.mean + share[:, None] * (other.mean - one.mean)
        modes = one.modes + share[:, None, None] * (other.modes - one.modes)
        return replace(one, mean=mean, modes=modes)


_PATHS: dict[str, Paths] = {}


def contour_paths(model: FaceModel) -> Paths:
    """The paths of a model with ibug68 landmarks, cached by its digest.

    Raises ModelUnavailableError where the model does not say where those landmarks lie.
    """
    if model.digest not in _PATHS:
        _PATHS[model.digest] = _find_paths(model)
    return _PATHS[model.digest]


def tangents(points: Array) -> Array:
    """Unit directions (17, 2) of a line of points (17, 2)."""
    along = np.gradient(points, axis=0)
    unit: Array = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    return unit


def slide(shape: LandmarkModel, paths: Paths, view: View) -> LandmarkModel:
    """All 68 landmarks ``shape`` with those of the jaw where they stand in ``view``."""
    jaw, mean, modes = paths.model(view), shape.mean.copy(), shape.modes.copy()
    mean[JAW], modes[JAW] = jaw.mean, jaw.modes
    return replace(shape, mean=mean, modes=modes)


def loose_along(view: View, shape: LandmarkModel) -> Array:
    """Errors (17, 136) that 68 landmarks have besides their own: each of the jaw slides along the contour."""
    line = tangents(align(view.project(shape.mean[JAW]), view.angles[2]))
    factors = np.zeros((len(line), len(shape.mean), 2))
    factors[np.arange(len(line)), np.arange(len(line))] = ALONG * line
    return factors.reshape(len(line), -1)


def _find_paths(model: FaceModel) -> Paths:
    landmarks, embedding = landmark_model(model, "ibug68"), model.topology.embeddings["ibug68"]
    mean, skin = np.asarray(model.mean, np.float64), model.topology.part("skin")
    pairs = edges(model.topology.faces)
    pairs = pairs[skin[pairs].all(1)]
    jaw = landmarks.mean[JAW]
    line = tangents(jaw[:, :2]) * [LEVEL, 1.0]
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    outward = np.stack([line[:, 1], -line[:, 0]], axis=1)
    outward *= np.sign(((jaw - landmarks.mean[NOSE])[:, :2] * outward).sum(1, keepdims=True))
    depth = DEPTH * float(np.linalg.norm(jaw[0] - jaw[-1]))
    cuts = [_cut(mean, pairs, *where, depth) for where in zip(jaw, line, outward, strict=True)]
    ends, share = (np.stack(part) for part in zip(*cuts, strict=True))  # (17, P, 2), (17, P)

    def along_edges(values: Array) -> Array:
        """Values (..., V, 3) at the points of the paths (..., 17, P + 1, 3), the landmarks first."""
        one, other = values[..., ends[..., 0], :], values[..., ends[..., 1], :]
        start = embedding.points(values)[..., JAW, None, :]
        path = np.where(ends[..., :1] == NOWHERE, start, one + share[..., None] * (other - one))
        return np.concatenate([start, path], axis=-2)

    modes = along_edges(np.asarray(model.basis, np.float64)).reshape(len(model.basis), -1, 3)
    places = replace(
        landmarks,
        mean=along_edges(mean).reshape(-1, 3),
        modes=np.ascontiguousarray(modes.transpose(1, 2, 0)),
    )
    return Paths(places, along_edges(vertex_normals(mean, model.topology.faces)))


def _cut(
    vertices: Array, pairs: NDArray[np.integer], place: Array, line: Array, outward: Array, depth: float
) -> tuple[NDArray[np.integer], Array]:
    """Edges (P, 2) and where on them (P,) the surface's cut with a plane lies, every STEP round its centre;
    NOWHERE for a model that has no surface there.

    The plane goes through ``place`` (3,) along ``outward`` (2,) and the forward direction; ``line`` (2,) is
    its normal. Of all layers the one farthest from the centre counts.
    """
    side = (vertices[:, :2] - place[:2]) @ line
    crossing = pairs[(side[pairs[:, 0]] > 0) != (side[pairs[:, 1]] > 0)]
    before, behind = side[crossing].T
    share = before / (before - behind)
    points = vertices[crossing[:, 0]] + share[:, None] * (vertices[crossing[:, 1]] - vertices[crossing[:, 0]])
    out = (points[:, :2] - place[:2]) @ outward + depth
    forward = points[:, 2] - place[2]
    angle, radius = np.degrees(np.arctan2(forward, out)), np.hypot(out, forward)
    span = max(STEP * STEPS * abs(float(outward[0])), SHORTEST)
    chosen: list[int] = []
    for centre in np.minimum(STEP * np.arange(1, STEPS + 1), span):
        near = np.flatnonzero(np.abs(angle - centre) < STEP / 2)
        chosen.append(int(near[radius[near].argmax()]) if len(near) else (chosen[-1] if chosen else -1))
    index = np.array(chosen)
    if (index < 0).all():
        return np.full((STEPS, 2), NOWHERE), np.zeros(STEPS)
    index[index < 0] = index[index >= 0][0]
    return crossing[index], share[index]
