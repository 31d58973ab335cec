"""Patch experts: from what the photo shows around a point of a fitted face, where that point really is.

One ridge regression per point, from the features of its patch to its displacement on the tangent plane,
learned on photos of known geometry (the first step of supervised descent; Xiong and De la Torre, CVPR 2013).
What comes out is treated as the detections of one more, imperfect detector: its offsets, attenuation and
correlated errors are learned together with those of the landmark detector, so that nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.patches import Patches

Array = NDArray[np.float64]

RIDGE = 8.0  # of features whose squares add up to about two
FARTHEST = 0.012  # m: a longer displacement is no correction but a mistake


@dataclass(frozen=True)
class Experts:
    """Linear experts of P points on the surface of the face model."""

    places: Array  # (P, 3) m, on the model's mean
    weights: Array  # (P, D, 2) m per unit of feature
    bias: Array  # (P, 2) m

    def points(self, patches: Patches) -> Array:
        """(P, 2) px, where the experts see the points; NaN where they cannot tell."""
        move = np.einsum("pd,pdk->pk", patches.features, self.weights) + self.bias
        good = patches.usable & (np.linalg.norm(move, axis=1) < FARTHEST)
        seen = patches.places + np.einsum("pij,pj->pi", patches.frames, move)
        return np.where(good[:, None], seen, np.nan)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays, to be stored."""
        return {
            "experts.places": self.places.astype(np.float32),
            "experts.weights": (1e3 * self.weights).astype(
                np.float16
            ),  # mm: small numbers lose digits in float16
            "experts.bias": self.bias.astype(np.float32),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Experts:
        """The inverse of ``arrays``."""
        weights = np.asarray(arrays["experts.weights"], np.float64) / 1e3
        bias = np.asarray(arrays["experts.bias"], np.float64)
        return Experts(np.asarray(arrays["experts.places"], np.float64), weights, bias)


@dataclass(frozen=True)
class Lesson:
    """Patches of one photo, and where the points really are."""

    patches: Patches
    truth: Array  # (P, 2) px


def learn_experts(
    lessons: list[Lesson], places: Array, ridge: float = RIDGE, folds: int = 4
) -> tuple[Experts, list[Array]]:
    """Experts from all lessons, and for each lesson the points (P, 2) seen by experts that never saw it.

    Lesson n belongs to fold n // 2 % folds, so that a photo and its mirror image stay together.
    """
    usable = np.stack([x.patches.usable for x in lessons])
    features = np.stack([x.patches.features for x in lessons]).astype(np.float32)
    target = np.stack([np.where(x.patches.usable[:, None], _safe_target(x), 0.0) for x in lessons])
    good = usable & (np.linalg.norm(target, axis=2) < FARTHEST)
    fold = np.arange(len(lessons)) // 2 % folds
    depth = features.shape[2]
    weights, bias = np.zeros((len(places), depth, 2)), np.zeros((len(places), 2))
    held = [np.zeros((len(places), depth + 1, 2)) for _ in range(folds)]
    for p in range(len(places)):
        sums = []
        for k in range(folds):
            rows = good[:, p] & (fold == k)
            x = np.column_stack([features[rows, p], np.ones(rows.sum(), np.float32)]).astype(np.float64)
            sums.append((x.T @ x, x.T @ target[rows, p]))
        h, g = sum(s[0] for s in sums), sum(s[1] for s in sums)
        penalty = np.diag(np.r_[np.full(depth, ridge), 1e-3])
        solution = np.linalg.solve(h + penalty, g)
        weights[p], bias[p] = solution[:-1], solution[-1]
        for k, (hk, gk) in enumerate(sums):
            held[k][p] = np.linalg.solve(h - hk + penalty, g - gk)
    unseen = [Experts(places, w[:, :-1], w[:, -1]) for w in held]
    return Experts(places, weights, bias), [
        unseen[k].points(x.patches) for k, x in zip(fold, lessons, strict=True)
    ]


def _safe_target(lesson: Lesson) -> Array:
    """The target, zero where the patch cannot be used (its frame may be singular)."""
    out = np.zeros_like(lesson.truth)
    rows = lesson.patches.usable
    gap = (lesson.truth - lesson.patches.places)[rows]
    out[rows] = np.linalg.solve(lesson.patches.frames[rows], gap[..., None])[..., 0]
    return out
