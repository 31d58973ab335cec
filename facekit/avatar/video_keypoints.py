"""From the landmarks of a filmed face to the keypoints that drive another face: what the head does and whose
face it is are taken out, what the face does is kept.

A linear face model is fitted to the landmarks of each frame, with one identity for the whole film. What its
expression moves, and what the landmarks show beyond the model, is added to the avatar's face at rest, scaled
to its size, and seen by the camera of the avatar's keypoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from facekit.avatar.capture import Keypoints
from facekit.avatar.keypoints import LEFT_BROW, LEFT_LIDS, RIGHT_BROW, RIGHT_LIDS, SCHEME
from facekit.errors import NoFaceError, NumericalError, UsageError
from facekit.fitting.landmark_fit import LandmarkFit, fit_landmarks, focal_prior
from facekit.fitting.landmark_model import LandmarkModel, landmark_model
from facekit.fitting.observe import observe, usable
from facekit.fitting.problem import CodePrior, Observations
from facekit.fitting.shared import HELD, pool_identities
from facekit.fitting.trained import Trained
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray, Landmarks

UPPER = (*LEFT_BROW, *RIGHT_BROW, *LEFT_LIDS, *RIGHT_LIDS)
REFERENCES = 10  # frames that say whose face it is
SMOOTH = 0.7  # frames, standard deviation; a blink lasts five
CALM = 0.15  # share of the frames, those that move the face least, that show it at rest ...
ENOUGH = 30  # ... in films of so many frames
MOST = 0.003  # m, that the model may take rest for an expression
DETAIL = 1.0  # share of what the landmarks show beyond the model


@dataclass(frozen=True)
class Followed:
    """A filmed face, frame by frame; NaN where it is not seen."""

    moved: FloatArray  # (T, P, 3) float64, m, head frame: what the expression moves each landmark
    detail: FloatArray  # (T, P, 3) float64, m: what the landmarks show beyond it
    rest: FloatArray  # (P, 3) float64, m, the landmarks of this person at rest
    fits: list[LandmarkFit | None]  # T


def follow_face(
    landmarks: Sequence[Landmarks | None],
    model: FaceModel,
    trained: Trained | None = None,
    tick: Callable[[], object] = lambda: None,
) -> Followed:
    """Fit all frames of a film; None where no face was found. ``tick`` is called after each frame.

    Raises NoFaceError where there is no frame with a face.
    """
    found = [marks for marks in landmarks if marks is not None]
    if not found:
        raise NoFaceError("no face was found in any frame of the video")
    shape = landmark_model(model, found[0].scheme)
    block, expression = model.block("identity").slice, model.block("expression").slice
    prior = _identity_prior(found, model, trained, block)
    fits: list[LandmarkFit | None] = []
    detail = np.full((len(landmarks), len(shape.mean), 3), np.nan)
    moved = detail.copy()
    last: LandmarkFit | None = None
    for n, marks in enumerate(landmarks):
        last = None if marks is None else _fit(marks, model, trained, prior, last)
        fits.append(last)
        if marks is not None and last is not None:
            moved[n] = shape.modes[:, :, expression] @ last.code[expression]
            detail[n, usable(marks)] = last.residual @ last.view.rotation[:2] / last.view.scale
        tick()
    seen = np.isfinite(detail).any(axis=0).all(axis=1)
    detail[:, seen] -= np.nanmedian(detail[:, seen], axis=0)  # the same in all frames: not an expression
    upper = np.isin(np.arange(len(shape.mean)), UPPER)  # lips touch at rest, whatever the model says of them
    rest, calm = _at_rest(shape, prior, block), calm_of(moved) * upper[:, None]
    return Followed(moved - calm, detail, rest + calm, fits)


def calm_of(moved: FloatArray) -> FloatArray:
    """What a film's calmest frames move (P, 3) m: a face at rest that the model takes for a slight
    expression, narrow eyes for closing ones. At most ``MOST``, so that a film of nothing but laughter keeps
    its laughter; zero for short films. moved (T, P, 3) m, NaN where not seen.
    """
    seen = moved[np.isfinite(moved).all(axis=(1, 2))]
    if len(seen) < ENOUGH:
        return np.zeros(moved.shape[1:])
    order = np.argsort((seen**2).sum(axis=(1, 2)))
    calm = np.median(seen[order[: max(1, round(CALM * len(seen)))]], axis=0)
    most = float(np.linalg.norm(calm, axis=1).max())
    return calm * min(1.0, MOST / max(most, 1e-12))


def _identity_prior(
    found: list[Landmarks], model: FaceModel, trained: Trained | None, block: slice
) -> CodePrior:
    """The code's prior with the identity that frames spread over the film agree on."""
    chosen = np.unique(np.linspace(0, len(found) - 1, REFERENCES).round().astype(int))
    fits = [_fit(found[i], model, trained, None, None) for i in chosen]
    good = [fit for fit in fits if fit is not None]
    if not good:
        raise NumericalError("the landmarks of the video determine no face; give another video")
    prior = CodePrior.standard(len(good[0].code))
    prior.mean[block], prior.precision[block] = pool_identities(good, block)[0], HELD
    return prior


def _fit(
    marks: Landmarks,
    model: FaceModel,
    trained: Trained | None,
    prior: CodePrior | None,
    start: LandmarkFit | None,
) -> LandmarkFit | None:
    """The fit of one frame; None where its landmarks determine nothing."""
    seen: Observations = observe(marks, model, trained)
    size = np.asarray(marks.image_size, np.float64)
    try:
        return fit_landmarks(seen, focal_prior(size), size / 2, prior=prior, start=start)
    except NumericalError:
        return None


def _at_rest(shape: LandmarkModel, prior: CodePrior, block: slice) -> FloatArray:
    code = np.zeros(shape.size)
    code[block] = prior.mean[block]
    return shape.points(code)


def check_keypoints(keypoints: Keypoints) -> FloatArray:
    """Where they are at rest, (L, 3) float64, m. UsageError for keypoints that no film can drive."""
    if keypoints.rest is None:
        raise UsageError("this avatar does not know its face at rest; train it again to drive it by videos")
    if not len(keypoints.index) or keypoints.scheme != SCHEME:
        raise UsageError("this avatar has other keypoints than the landmarks of a video; drive it by a file")
    return keypoints.rest.astype(np.float64)


def drive_keypoints(followed: Followed, keypoints: Keypoints, smooth: float = SMOOTH) -> FloatArray:
    """Keypoints (T, L, 2) float32, 0..1, with which an avatar does what the filmed face does.

    Raises UsageError for an avatar that does not know its keypoints at rest or has others than those filmed.
    """
    rest = check_keypoints(keypoints)
    own = followed.rest[keypoints.index]
    scale = _size(rest) / _size(own)
    detail = np.nan_to_num(followed.detail[:, keypoints.index])
    offset = scale * (followed.moved[:, keypoints.index] + DETAIL * detail)
    placed = project_points(keypoints.camera, rest + _smoothed(offset, smooth))[..., :2]
    return (placed / keypoints.camera.image_size).astype(np.float32)


def _size(points: FloatArray) -> float:
    """Root mean square distance of points (L, 3) from their middle."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _smoothed(track: FloatArray, sigma: float) -> FloatArray:
    """A track (T, L, 3) less its jitter; frames without a face stay NaN and do not spread."""
    if sigma <= 0:
        return track
    seen = np.isfinite(track).all(axis=(1, 2)).astype(np.float64)
    share = gaussian_filter1d(seen, sigma)
    filled = gaussian_filter1d(np.nan_to_num(track), sigma, axis=0)
    made = filled / np.maximum(share, 1e-6)[:, None, None]
    made[seen == 0] = np.nan
    return made


def hold(points: FloatArray) -> FloatArray:
    """Keypoints (T, L, 2) in which frames without a face repeat the nearest one that has one."""
    seen = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    nearest = np.abs(np.arange(len(points))[:, None] - seen[None]).argmin(axis=1)
    return points[seen[nearest]]
