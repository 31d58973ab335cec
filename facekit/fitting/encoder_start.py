"""What a trained encoder says of a photo before anything is fitted: a view, and how probable which codes are.

The encoder needs no landmarks, only the crop: all of them may be hidden, or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.detection.schemes import to_ibug68
from facekit.errors import UsageError
from facekit.fitting.landmark_fit import LandmarkFit
from facekit.fitting.problem import LOG_FOCAL_SPREAD, POSE, CodePrior
from facekit.fitting.view import View
from facekit.networks.lessons import as_input, crop_of, cut, cut_mask
from facekit.networks.pose import decode, view_of_pose
from facekit.networks.trained import TrainedFactors
from facekit.records import BoolArray, ByteArray, Landmarks

Array = NDArray[np.float64]

TRUST = 0.3  # share of it that counts beside landmarks and pixels, which say much of the same


@dataclass(frozen=True)
class Encoded:
    """What the encoder says."""

    view: View
    mean: Array  # (K,) expected code
    variance: Array  # (K,) about it, at most 1
    spread: Array  # (7,) standard deviations of the view, numbered as View.moved

    def prior(self, trust: float = TRUST) -> CodePrior:
        """N(0, I), and what the encoder adds to it, taken to the power ``trust``."""
        added = trust * (1 / self.variance - 1)
        precision = 1 + added
        return CodePrior(trust * self.mean / self.variance / precision, precision)

    def fit(self, lower: Array, upper: Array) -> LandmarkFit:
        """As a fit to no landmarks: where the photometric step can start."""
        prior = self.prior(1.0)
        covariance = np.diag(1 / prior.precision)
        joint = np.diag(np.r_[self.spread**2, 1 / prior.precision])
        code = np.clip(prior.mean, lower, upper)
        nothing = np.zeros((0, 2))
        at_bound = (code <= lower) | (code >= upper)
        return LandmarkFit(
            self.view, code, covariance, nothing, nothing[:, 0], at_bound, 0, converged=True, joint=joint
        )


def encode(
    trained: TrainedFactors,
    photo: ByteArray,
    landmarks: Landmarks,
    hidden: BoolArray | None,
    focal: float,
    modes: int,
) -> Encoded:
    """photo (H, W, 3) uint8 sRGB; landmarks say where the face is, hidden ones too; hidden (H, W) bool;
    ``focal`` px expected; ``modes`` of the face model, of which the encoder may know the first only.

    Raises UsageError where the encoder was trained for a model of more modes.
    """
    known = trained.network.encoder.modes
    if known > modes:
        raise UsageError(f"the encoder finds {known} coefficients and the face model has {modes}")
    crop = crop_of(np.asarray(to_ibug68(landmarks).points, np.float64))
    picture = torch.from_numpy(cut(photo, crop, trained.size, 1.0)).permute(2, 0, 1)[None].float() / 255
    cover = np.zeros((trained.size, trained.size), bool)
    if hidden is not None:
        cover = cut_mask(hidden, crop, trained.size, 1.0)
    with torch.no_grad():
        factors = trained.network.encoder(as_input(picture, torch.from_numpy(cover)[None]))
    pose = decode(factors.pose.double())
    centre = np.array(photo.shape[1::-1]) / 2
    placed = (float(pose.scale[0]), pose.rotation[0].numpy(), pose.origin[0].numpy())
    calibration = trained.calibration
    mean, variance = np.zeros(modes), np.ones(modes)
    mean[:known] = calibration.slope * factors.code[0].numpy()
    variance[:known] = calibration.variance
    turn, place, scale = calibration.pose.astype(np.float64)
    side = crop[0, 0]
    spread = np.array([turn, turn, turn, place * side, place * side, scale, LOG_FOCAL_SPREAD])
    assert len(spread) == POSE
    return Encoded(view_of_pose(*placed, crop, focal, centre), mean, variance, spread)
