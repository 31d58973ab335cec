"""From the landmarks of a filmed face to the keypoints that drive another face: what the head does and whose
face it is are taken out, what the face does is kept.

A linear face model is fitted to the landmarks of each frame, with one identity for the whole film. What its
expression moves, and what the landmarks show beyond the model, is added to the avatar's face at rest, scaled
to its size, and seen by the camera of the avatar's keypoints. Rest is what the film comes back to most often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import cdist

from facekit.avatar.capture import Keypoints
from facekit.avatar.keypoints import (
    LEFT_BROW,
    LEFT_LIDS,
    LIP_CORNERS,
    RIGHT_BROW,
    RIGHT_LIDS,
    SCHEME,
)
from facekit.detection.schemes import LOWER_LIP, UPPER_LIP
from facekit.errors import NoFaceError, NumericalError, UsageError
from facekit.fitting.landmark_fit import LandmarkFit, fit_landmarks, focal_prior
from facekit.fitting.landmark_model import LandmarkModel, landmark_model
from facekit.fitting.observe import observe, usable
from facekit.fitting.problem import CodePrior, Observations
from facekit.fitting.shared import HELD, pool_identities
from facekit.fitting.trained import Trained
from facekit.geometry.camera import project_points
from facekit.geometry.rotation import euler_to_matrix, matrix_to_euler
from facekit.morphable.model import FaceModel
from facekit.records import FloatArray, IntArray, Landmarks

SHIFTED = (*LEFT_BROW, *RIGHT_BROW, *LEFT_LIDS, *RIGHT_LIDS, *LIP_CORNERS)
REFERENCES = 10  # frames that say whose face it is
SMOOTH = 0.7  # frames, standard deviation; a blink lasts five
CALM = 0.15  # share of the frames that show the face at rest ...
ENOUGH = 30  # ... in films of so many frames
MOST = 0.003  # m, that the model may take rest for an expression
ALIKE = 0.001  # m, root mean square between landmarks of frames that show the same expression
LARGE = 0.003  # m, from the model's face at rest: where frames are unlikely to show rest
BEFORE = np.diag([1.0, -1.0, -1.0])  # between a camera's axes and those of a face that looks into it
PITCH = 1  # among yaw, pitch, roll
COMPARED = 1000  # frames with which each frame is compared


@dataclass(frozen=True)
class Followed:
    """A filmed face, frame by frame; NaN where it is not seen."""

    moved: FloatArray  # (T, P, 3) float64, m, head frame: what the expression moves each landmark
    detail: FloatArray  # (T, P, 3) float64, m: what the landmarks show beyond it
    rest: FloatArray  # (P, 3) float64, m, the landmarks of this person at rest
    turns: (
        FloatArray  # (T, 3, 3) float64, from the head frame to one before the camera: x right, y up, z to it
    )


def follow_face(
    landmarks: Sequence[Landmarks | None],
    model: FaceModel,
    trained: Trained | None = None,
    tick: Callable[[], object] = lambda: None,
    own: Keypoints | None = None,
) -> Followed:
    """Fit all frames of a film; None where no face was found. ``tick`` is called after each frame. ``own``
    are the keypoints of the avatar that is to be driven, if it has the model's mesh.

    Raises NoFaceError where there is no frame with a face.
    """
    scheme = next((marks.scheme for marks in landmarks if marks is not None), None)
    if scheme is None:
        raise NoFaceError("no face was found in any frame of the video")
    shape = landmark_model(model, scheme)
    block, expression = model.block("identity").slice, model.block("expression").slice
    modes = own_modes(shape, model, own)
    prior = _identity_prior([marks for marks in landmarks if marks is not None], model, trained, block)
    detail = np.full((len(landmarks), len(shape.mean), 3), np.nan)
    moved, turns = detail.copy(), detail[:, :3].copy()
    last: LandmarkFit | None = None
    for n, marks in enumerate(landmarks):
        last = None if marks is None else _fit(marks, model, trained, prior, last)
        if marks is not None and last is not None:
            moved[n] = modes @ last.code[expression]
            detail[n, usable(marks)] = last.residual @ last.view.rotation[:2] / last.view.scale
            turns[n] = BEFORE @ last.view.rotation
        tick()
    rest = _at_rest(shape, prior, block)
    return _from_rest(moved, detail, rest, turns)


def _from_rest(moved: FloatArray, detail: FloatArray, rest: FloatArray, turns: FloatArray) -> Followed:
    """What a face does, measured from how this film shows it at rest."""
    frames = resting(moved + np.nan_to_num(detail))
    seen = np.isfinite(detail).any(axis=0).all(axis=1)
    detail[:, seen] -= np.nanmedian(detail[frames][:, seen], axis=0)
    calm = calm_of(moved[frames]) if len(frames) < len(moved) else np.zeros_like(rest)
    return Followed(moved - calm, detail, rest + calm, turns)


def own_modes(shape: LandmarkModel, model: FaceModel, own: Keypoints | None) -> FloatArray:
    """What expressions move the landmarks (P, 3, E) m, those of an avatar where it has them: one that was
    trained when the face model had some elsewhere knows them from there.
    """
    expression = model.block("expression").slice
    modes = shape.modes[:, :, expression].copy()
    if own is not None:
        corners = np.asarray(model.basis[expression], np.float64)[:, own.corners]
        modes[own.index] = np.einsum("klcd,lc->ldk", corners, own.bary)
    return modes


def resting(track: FloatArray) -> IntArray:
    """Frames that show the face at rest: those most like many others, for a face comes back to rest between
    expressions, and not far from the model's rest. All with a face, in short films.

    track (T, P, 3) m, what each frame moves, NaN where there is no face.
    """
    frames = np.flatnonzero(np.isfinite(track).all(axis=(1, 2)))
    if len(frames) < ENOUGH:
        return frames
    flat = track[frames].reshape(len(frames), -1) / np.sqrt(track.shape[1])
    others = flat[:: -(-len(flat) // COMPARED)]
    like = np.exp(-0.5 * (cdist(flat, others) / ALIKE) ** 2).mean(axis=1)
    likely = like * np.exp(-0.5 * (flat**2).sum(axis=1) / LARGE**2)
    return frames[np.sort(np.argsort(-likely)[: max(1, round(CALM * len(frames)))])]


def calm_of(moved: FloatArray) -> FloatArray:
    """What frames at rest move (P, 3) m: a face at rest that the model takes for a slight expression, narrow
    eyes for closing ones, a wide mouth for a smile. At most ``MOST``, so that a film of nothing but laughter
    keeps its laughter. Lips shift together, for they touch at rest whatever the model says of them.

    moved (T, P, 3) m, of these frames.
    """
    whole = np.median(moved, axis=0)
    calm = np.zeros_like(whole)
    calm[list(SHIFTED)] = whole[list(SHIFTED)]
    lower, upper = list(LOWER_LIP), list(UPPER_LIP)
    calm[lower] = calm[upper] = (whole[lower] + whole[upper]) / 2
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
    offset = scale * (followed.moved[:, keypoints.index] + detail)
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


def hold(track: FloatArray) -> FloatArray:
    """A track (T, ...) in which frames without a face (NaN) repeat the nearest one that has one."""
    seen = np.flatnonzero(np.isfinite(track).reshape(len(track), -1).all(axis=1))
    nearest = np.abs(np.arange(len(track))[:, None] - seen[None]).argmin(axis=1)
    return track[seen[nearest]]


def head_turns(followed: Followed, smooth: float = SMOOTH) -> FloatArray:
    """How the filmed head turns, (T, 3, 3) float64, see ``Followed``; held without a face. Nods count from
    the film's median: landmarks hardly tell the tilt of a face from its shape.
    """
    turns = hold(_smoothed(followed.turns, smooth))
    left, _, right = np.linalg.svd(turns)
    angles = matrix_to_euler(left @ right)
    angles[:, PITCH] -= np.median(angles[:, PITCH])
    return euler_to_matrix(angles)
