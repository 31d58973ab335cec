"""Learning a detector's statistics from photos whose geometry is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facekit.errors import NumericalError
from facekit.fitting.landmark_model import LandmarkModel
from facekit.fitting.statistics import OFFSET_TERMS, DetectorStatistics, Scatter, angle_terms
from facekit.fitting.view import View, align

Array = NDArray[np.float64]

LOST = 0.012  # m: a detection whose median error is larger is no detection of this face
SHRINKAGE = 3000.0  # examples at which the measured covariance and the smooth one count alike
FEWEST_OCCLUDED = 60  # photos with an occluder
FEWEST = 20  # examples of a point; with fewer its spread is UNKNOWN
UNKNOWN = 0.02  # m
FLOOR = 0.0004  # m: no point is trusted beyond this


@dataclass(frozen=True)
class Example:
    """One photo with known geometry and what the detector said."""

    view: View
    code: Array  # (K,) standard deviations
    points: Array  # (L, 2) px detections; NaN where hidden or missing
    occluded: bool  # something stands before the face


def mirrored(example: Example, order: NDArray[np.integer], mirror_matrix: Array) -> Example:
    """The example seen in a mirror that stands on the vertical through the principal point.

    ``order`` (L,) is the landmark that takes each one's place, ``mirror_matrix`` FaceModel.mirror_matrix.
    """
    points = example.points[order] * [-1.0, 1.0] + [2 * example.view.centre[0], 0.0]
    return Example(mirrored_view(example.view), example.code @ mirror_matrix, points, example.occluded)


def mirrored_view(view: View) -> View:
    """The view of the mirrored head, in a mirror that stands on the vertical through the principal point."""
    flip = np.diag([-1.0, 1.0, 1.0])
    origin = view.origin * [-1.0, 1.0] + [2 * view.centre[0], 0.0]
    return View(flip @ view.rotation @ flip, origin, view.scale, view.focal, view.centre)


def gaps(examples: list[Example], landmarks: LandmarkModel) -> Array:
    """(N, L, 2) detection minus model point, metres at the head's depth, head upright; NaN where missing."""
    out = np.zeros((len(examples), len(landmarks.mean), 2))
    for n, e in enumerate(examples):
        pixels = e.points - e.view.project(landmarks.points(e.code))
        out[n] = align(pixels, e.view.angles[2]) / e.view.scale
    return out


def _upright_rows(view: View) -> Array:
    """(2, 3) head frame to upright picture, scaled orthographic, unit scale."""
    rows: Array = align(view.rotation[:2].T, view.angles[2]).T
    return rows


def _design(examples: list[Example]) -> tuple[Array, Array]:
    """Rows (N, 2, 3) of the views and features (N, 6 + K): angle terms and code."""
    rows = np.stack([_upright_rows(e.view) for e in examples])
    angles = np.array([e.view.angles[:2] for e in examples])
    features = np.concatenate([angle_terms(angles[:, 0], angles[:, 1]), [e.code for e in examples]], axis=1)
    return rows, features


def solve_offsets(rows: Array, features: Array, gap: Array, ridge: float) -> Array:
    """(G, L, 3) least-squares effect of features (N, G) on the head-frame place of each landmark.

    gap (N, L, 2) without NaN; rows (N, 2, 3). ``ridge`` is the weight of a unit-variance feature's penalty
    relative to one example; the angle terms are hardly penalised.
    """
    n, g = features.shape
    design = np.einsum("nij,ng->nijg", rows, features).reshape(2 * n, 3 * g)
    target = gap.transpose(0, 2, 1).reshape(2 * n, -1)
    penalty = np.tile(np.r_[np.full(OFFSET_TERMS, 0.5), np.full(g - OFFSET_TERMS, ridge)], 3)
    normal = design.T @ design + np.diag(penalty)
    solution = np.linalg.solve(normal, design.T @ target)
    return solution.reshape(3, g, -1).transpose(1, 2, 0)


def explained(rows: Array, features: Array, effect: Array) -> Array:
    """(N, L, 2) what ``effect`` (G, L, 3) predicts."""
    g, count, _ = effect.shape
    moved = (features @ effect.reshape(g, -1)).reshape(-1, count, 3)
    return np.einsum("nij,nlj->nli", rows, moved)


def learn_spread(angles: Array, error: Array) -> Array:
    terms = angle_terms(angles[:, 0], angles[:, 1])
    out = np.zeros((terms.shape[1], error.shape[1]))
    prior = np.diag([1e-3, 30.0, 30.0, 30.0, 30.0, 30.0])
    for column in range(error.shape[1]):
        seen = np.isfinite(error[:, column])
        if seen.sum() < FEWEST:
            out[0, column] = np.log(UNKNOWN)
            continue
        t, e = terms[seen], error[seen, column]
        # E log χ²₁ = −1.27; the floor keeps near-zero errors from ruling the mean of the logarithm
        value = 0.5 * (np.log(e**2 + (FLOOR / 2) ** 2) + 1.27)
        out[:, column] = np.linalg.solve(t.T @ t + prior, t.T @ value)
        ratio = np.minimum(e**2 / np.exp(2 * t @ out[:, column]), 16.0).mean()
        out[0, column] += 0.5 * np.log(ratio)
    return out


def smooth_correlation(places: Array, covariance: Array) -> Array:
    """(2L, 2L) correlation that depends on distance alone: share · exp(−distance / length), x and y
    independent.

    places (L, 3) m; share and length are those that come nearest to ``covariance`` (2L, 2L) in the mean
    square.
    """
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    mean = (covariance[::2, ::2] + covariance[1::2, 1::2]) / 2
    apart = distance > 1e-9
    best = (np.inf, np.eye(len(places)))
    for length in np.geomspace(0.005, 0.1, 25):
        kernel = np.exp(-distance / length)
        share = float(np.clip((kernel * mean)[apart].sum() / (kernel[apart] ** 2).sum(), 0.0, 0.98))
        error = float(((share * kernel - mean)[apart] ** 2).sum())
        if error < best[0]:
            best = (error, np.where(apart, share * kernel, 1.0))
    return np.kron(best[1], np.eye(2))


def learn_factors(standard: Array, count: int, places: Array) -> tuple[Array, Array]:
    """Unique variances (D,) and factors (count, D) of standardised errors (N, D) with NaN where missing.

    The pairwise covariance, drawn towards one that depends only on the distance of the landmarks at
    ``places`` (D / 2, 3) m, the more so the fewer examples there are; then iterated principal factors.
    """
    clipped = np.clip(standard, -4.0, 4.0)
    seen = np.isfinite(clipped)
    x = np.where(seen, clipped, 0.0)
    both = seen.T.astype(np.float32) @ seen.astype(np.float32)
    covariance = (x.T @ x) / np.maximum(both, 1.0)
    total = np.maximum(np.diag(covariance), 0.05)
    scale = np.sqrt(np.outer(total, total))
    smooth = smooth_correlation(places, covariance / scale)
    trust = both / (both + SHRINKAGE)
    covariance = trust * covariance + (1 - trust) * smooth * scale
    total = np.diag(covariance).copy()
    unique = 0.1 * total
    factors = np.zeros((count, len(total)))
    for _ in range(4):
        values, vectors = np.linalg.eigh(covariance - np.diag(unique))
        top = np.argsort(values)[::-1][:count]
        factors = (np.sqrt(np.maximum(values[top], 0.0)) * vectors[:, top]).T
        unique = np.maximum(total - (factors**2).sum(0), 0.02 * total)
    return unique, factors


def learn_scatter(angles: Array, error: Array, factors: int, places: Array) -> Scatter:
    """Scatter of errors (N, L, 2) in metres seen at angles (N, 2) yaw and pitch."""
    flat = error.reshape(len(error), -1)
    log_spread = learn_spread(angles, flat)
    standard = flat / np.exp(angle_terms(angles[:, 0], angles[:, 1]) @ log_spread)
    unique, shared = learn_factors(standard, factors, places)
    return Scatter(log_spread, unique, shared)


def learn(
    examples: list[Example],
    landmarks: LandmarkModel,
    ridge: float = 300.0,
    factors: int = 120,
) -> DetectorStatistics:
    """Statistics of a detector from at least a few dozen examples.

    Offsets and changes come from the photos without occluders; scatter from the residuals of a two-fold fit,
    so that it is not flattered by what the regression has learned by heart (examples 2n and 2n + 1 stay
    together: a photo and its mirror image). Raises NumericalError with too few examples.
    """
    gap = gaps(examples, landmarks)
    good = np.nanmedian(np.linalg.norm(gap, axis=2), axis=1) < LOST
    clean = good & ~np.array([e.occluded for e in examples])
    if clean.sum() < 30:
        raise NumericalError(
            f"only {clean.sum()} photos with a usable detection and at least 30 are needed; use more photos"
        )
    rows, features = _design(examples)
    angles = np.array([e.view.angles[:2] for e in examples])
    fold = np.arange(len(examples)) // 2 % 2
    error = np.full_like(gap, np.nan)
    for k in range(2):
        train, test = np.flatnonzero(clean & (fold == k)), np.flatnonzero(clean & (fold != k))
        effect = solve_with_holes(rows[train], features[train], gap[train], ridge)
        error[test] = gap[test] - explained(rows[test], features[test], effect)
    where, behind = np.flatnonzero(clean), np.flatnonzero(good & ~clean)
    effect = solve_with_holes(rows[where], features[where], gap[where], ridge)
    error[behind] = gap[behind] - explained(rows[behind], features[behind], effect)
    scatter = learn_scatter(angles[where], error[where], factors, landmarks.mean)
    occluded = scatter
    if len(behind) >= FEWEST_OCCLUDED:
        # how far points drift is learned apart; how they hang together is known better from the whole faces
        spread = learn_spread(angles[behind], error[behind].reshape(len(behind), -1))
        occluded = replace(scatter, log_spread=spread)
    return DetectorStatistics(effect[:OFFSET_TERMS], effect[OFFSET_TERMS:], scatter, occluded)


def solve_with_holes(rows: Array, features: Array, gap: Array, ridge: float, rounds: int = 12) -> Array:
    """``solve_offsets`` where some of gap (N, L, 2) is NaN: holes are filled with what is predicted, by turns
    (EM).
    """
    holes = ~np.isfinite(gap)
    filled = np.where(holes, 0.0, gap)
    effect = solve_offsets(rows, features, filled, ridge)
    if holes.any():
        for _ in range(rounds):
            filled = np.where(holes, explained(rows, features, effect), gap)
            effect = solve_offsets(rows, features, filled, ridge)
    return effect
