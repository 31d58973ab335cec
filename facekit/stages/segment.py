"""A photo and its landmarks to the mask of what hides the face, and its correction by a fitted face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facekit.detection.schemes import in_scheme
from facekit.errors import ModelUnavailableError
from facekit.files.assets import has_asset, read_asset_weights
from facekit.records import BoolArray, ByteArray, Fit, FloatArray, Landmarks
from facekit.segmentation.region import described, face_hull, hidden_share

if TYPE_CHECKING:
    from facekit.morphable.model import FaceModel
    from facekit.segmentation.network import Segmenter

ASSET = "segmenter.safetensors"
LEAST = 0.006  # of the face: where less is hidden, nothing is
LIKELY, SURE = 0.37, 0.72  # chance of a pixel of the mask, and of one in each patch of it
RIM = 0.012  # of the face's height: by so much the mask is grown, since its edge still shows the occluder
MOVED = 0.08  # of the height of eyes over chin: landmarks that far away on average are other ones
WIDE = 1.5  # times the network's square: of what lies beside that the network is asked in one so large
SEED = 0.6  # chance that the network gave at least one pixel of a patch that a correction finds
CHANGED = 0.03  # of the hidden part and the seen one together: a correction of less is none


@dataclass(frozen=True)
class Proposal:
    """What hides a face, as far as can be told."""

    hidden: BoolArray  # (H, W)
    chance: FloatArray  # (H, W) float32, that something is before what is behind
    points: FloatArray  # (68, 2) px, the landmarks that it was found with

    @property
    def share(self) -> float:
        """Of the face that is hidden; 0 where nothing was found."""
        return hidden_share(self.hidden, self.points) if self.hidden.any() else 0.0

    @property
    def told(self) -> str:
        """For the user."""
        return described(self.hidden, self.points) if self.hidden.any() else "nothing hides the face"


@lru_cache(maxsize=1)
def shipped_segmenter() -> Segmenter:
    """The network that comes with facekit. Raises ModelUnavailableError where it is missing."""
    from facekit.segmentation.network import from_arrays

    if not has_asset(ASSET):
        raise ModelUnavailableError(
            "no face segmenter comes with this installation; give the mask with --occlusion MASK, or make "
            "one with facekit train-prior segmenter"
        )
    return from_arrays(*read_asset_weights(ASSET))


def propose(photo: ByteArray, landmarks: Landmarks, network: Segmenter | None = None) -> Proposal:
    """What hides the face with ``landmarks`` in a photo (H, W, 3) uint8 sRGB, by the network alone.

    Raises ModelUnavailableError as ``shipped_segmenter``, and where the landmarks' scheme has no 68 points.
    """
    points = in_scheme(landmarks, "ibug68").points.astype(np.float64)
    return proposed(chance_of(photo, points, network or shipped_segmenter()), points)


def chance_of(photo: ByteArray, points: FloatArray, network: Segmenter) -> FloatArray:
    """(H, W) float32, that something is before the face with landmarks (68, 2) px, or before what is beside.

    Landmarks that an occluder has misplaced, and arms and scarves, want more than the square around them; on
    the face the closer look is the better one.
    """
    from facekit.segmentation.segment import on_photo, segment

    near, wide = (segment(photo, points, network, scale) for scale in (1.0, WIDE))
    chance, beside = (on_photo(found.probabilities[1], found.matrix, photo.shape) for found in (near, wide))
    inside = on_photo(np.ones_like(near.probabilities[1]), near.matrix, photo.shape)
    return chance + (1 - inside) * beside  # the first is zero outside its square


def proposal_of(photo: ByteArray, faces: list[Landmarks]) -> Proposal:
    """What hides any of several faces, one at least; the landmarks are those of the first. As ``propose``."""
    each = [propose(photo, face) for face in faces]
    hidden = np.any([one.hidden for one in each], axis=0)
    return replace(each[0], hidden=hidden, chance=np.max([one.chance for one in each], axis=0))


def proposed(chance: FloatArray, points: FloatArray) -> Proposal:
    """The mask of chances (H, W) for a face with landmarks (68, 2) px: patches that reach into the face."""
    from facekit.segmentation.segment import mask_of

    hidden = mask_of(chance, LIKELY, SURE)
    inside = face_hull(points, chance.shape)
    hidden = _patches_with(hidden, inside)
    if hidden[inside].sum() < LEAST * max(int(inside.sum()), 1):
        hidden = np.zeros_like(hidden)
    reach = round(RIM * float(np.linalg.norm(points[8] - points[36:48].mean(axis=0))))
    if reach > 0 and hidden.any():
        brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
        hidden = cv2.dilate(hidden.astype(np.uint8), brush) > 0
    return Proposal(hidden, chance, points)


def moved_much(proposal: Proposal, landmarks: Landmarks) -> bool:
    """Whether landmarks are elsewhere than those that a proposal was found with."""
    points = in_scheme(landmarks, "ibug68").points.astype(np.float64)
    apart = np.linalg.norm(points - proposal.points, axis=1).mean()
    height = np.linalg.norm(proposal.points[8] - proposal.points[36:48].mean(axis=0))
    return bool(apart > MOVED * height)


def correct(photo: ByteArray, proposal: Proposal, fit: Fit, model: FaceModel) -> Proposal:
    """The proposal corrected by what a fitted face does not explain; itself where that changes little.

    What a render does not explain may also be a beard, a shadow or paint: a patch counts only where the
    network thought of an occluder too.
    """
    from facekit.segmentation.residual import corrected_chance

    chance = corrected_chance(photo, proposal.chance, fit, model)
    if chance is None:
        return proposal
    again = proposed(chance, proposal.points)
    seeds = proposal.hidden | (proposal.chance > SEED)
    again = replace(again, hidden=_patches_with(again.hidden, seeds))
    inside = face_hull(proposal.points, chance.shape)
    moved = (again.hidden ^ proposal.hidden)[inside].mean() if inside.any() else 0.0
    return again if moved > CHANGED else proposal


def _patches_with(hidden: BoolArray, seeds: BoolArray) -> BoolArray:
    """The connected patches of a mask (H, W) in which a seed (H, W) lies."""
    _, patches = cv2.connectedComponents(hidden.astype(np.uint8), connectivity=8)
    return np.asarray(hidden & np.isin(patches, np.unique(patches[hidden & seeds])))
