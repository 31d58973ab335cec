"""evaluate completion: how near completed pictures come to photos that were whole (3DFaceFill, Sec. 2-3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from skimage.restoration import inpaint_biharmonic

from facekit import metrics
from facekit.errors import NoFaceError, NumericalError, UsageError
from facekit.metrics.completion_names import CLASSICAL, VARIANTS
from facekit.metrics.perceptual import Perceptual, perceptual_distance
from facekit.metrics.pictures import psnr, ssim
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray, FloatArray
from facekit.texture.options import TextureOptions

RADIUS = 5  # px, of OpenCV's inpainting
COVER = (60, 70, 90)  # sRGB, of masks that are drawn
SHARES = (0.25, 0.75)  # of the sides of the face, random rectangles (as the paper's)
STARTS = (0.0, 0.5)
AROUND = 1.3  # the picture that is looked at, over the face in it
FEWEST = 16  # px
SIDE = 256  # px, of a picture in a sheet

Figures = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A photo of which a part was hidden, and how it looked before."""

    name: str
    kind: str  # what hides it
    photo: ByteArray  # (H, W, 3)
    hidden: BoolArray  # (H, W)
    truth: ByteArray  # (H, W, 3), the whole photo
    face: BoolArray  # (H, W), where it shows the face
    shape: FloatArray | None = None  # (V, 3) m, the true face where it is known


@dataclass(frozen=True)
class Variant:
    """One way to complete: what Figs. 2 and 12 leave out."""

    options: TextureOptions
    rounds: int  # of refinement; 1 is none


@dataclass(frozen=True)
class Completed:
    """What came of it."""

    picture: ByteArray  # (H, W, 3)
    shape: FloatArray | None = None  # (V, 3) m, of the fit
    visible: BoolArray | None = None  # (V,)


class Tools(Protocol):
    """The stages that an evaluation runs."""

    def complete(self, variant: Variant) -> Completed:
        """The first completion of the case's photo."""


class Kept(Protocol):
    """What an evaluation keeps of one case, so that it can stop and go on."""

    def figures(self) -> dict[str, Any]:
        """Those of evaluate_case so far; empty at first."""

    def keep(self, figures: dict[str, Any]) -> None:
        """Put them in place of the earlier ones."""

    def picture(self, method: str) -> ByteArray | None:
        """What ``cut`` made of a method's picture, if it was kept."""

    def keep_picture(self, method: str, picture: ByteArray) -> None:
        """Keep what ``cut`` made of it."""


def variant_of(name: str, rounds: int = 2, inpainter: str = "auto") -> Variant:
    """The variant of one of VARIANTS; ``rounds`` are those of the refined ones."""
    light, symmetric, refined = VARIANTS[name]
    return Variant(TextureOptions(light, symmetric, inpainter), rounds if refined else 1)


def evaluate_case(
    case: Case,
    tools: Tools,
    model: FaceModel,
    methods: dict[str, Variant | None],
    by: Perceptual,
    kept: Kept,
) -> tuple[dict[str, Any], ByteArray]:
    """The figures of one case, kept ones and those that are missing, and its sheet: what is seen of what was
    given, of each method's picture and of the whole photo, (SIDE, N * SIDE, 3).

    ``methods`` by name: a variant, or None for one of CLASSICAL. A method whose picture was not kept is done
    again. Keys of the figures: name, kind, failed (why nothing could be completed, or None), ratio (share of
    the face that is hidden), methods.
    """
    result: dict[str, Any] = {"name": case.name, "kind": case.kind, "failed": None, "ratio": ratio(case)}
    result |= {"methods": {}, **kept.figures()}
    tiles = [cut(case, case.photo)]
    for name, variant in methods.items():
        tile = kept.picture(name) if name in result["methods"] else None
        if tile is None and not result["failed"]:
            try:
                done = Completed(fill(name, case)) if variant is None else tools.complete(variant)
                tile = cut(case, done.picture)
                kept.keep_picture(name, tile)
                result["methods"][name] = measure(case, done, model, by)
            except (NoFaceError, NumericalError) as error:
                result["failed"] = str(error)
            kept.keep(result)
        tiles += [] if tile is None else [tile]
    return result, np.hstack([*tiles, cut(case, case.truth)])


def measure(case: Case, done: Completed, model: FaceModel, by: Perceptual) -> Figures:
    """PSNR in dB, SSIM and perceptual distance inside the mask and over the face (with what of the mask lies
    beside it); mean error of the hidden part of the face in mm, laid on the truth by the visible part, where
    the truth is known.
    """
    box = seen_box(case)
    figures: Figures = {}
    for end, where in (("", case.hidden), (" face", case.face | case.hidden)):
        figures[f"psnr{end}"] = psnr(done.picture, case.truth, where)
        figures[f"ssim{end}"] = ssim(done.picture, case.truth, where)
        figures[f"look{end}"] = perceptual_distance(done.picture, case.truth, where, box, by)
    face = model.topology.regions.get("face")
    if case.shape is not None and done.shape is not None and done.visible is not None and face is not None:
        counts = (face > 0.5) & model.topology.part("skin")
        seen, unseen = counts & done.visible, counts & ~done.visible
        if min(seen.sum(), unseen.sum()) >= FEWEST:
            error = metrics.mean_shape_error(done.shape, case.shape, unseen, "similarity", seen)
            figures["mm hidden"] = 1e3 * error
    return figures


def ratio(case: Case) -> float:
    """The share of the face that is hidden, 0 to 1."""
    return float((case.face & case.hidden).sum() / max(int(case.face.sum()), 1))


def seen_box(case: Case) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 px of a square around the face and what is hidden of it, inside the photo as far as it
    goes.
    """
    around = case.face if (case.face & case.hidden).any() else case.face | case.hidden
    height, width = around.shape
    rows, columns = np.flatnonzero(around.any(1)), np.flatnonzero(around.any(0))
    half = 0.5 * AROUND * max(int(np.ptp(rows)), int(np.ptp(columns)), FEWEST)
    x, y = columns.mean(), rows.mean()
    low = max(0, round(x - half)), max(0, round(y - half))
    return *low, min(width, round(x + half)), min(height, round(y + half))


def fill(method: str, case: Case) -> ByteArray:
    """The hidden part filled by one of CLASSICAL: Telea's and the Navier-Stokes inpainting of OpenCV,
    biharmonic inpainting of scikit-image.
    """
    if method not in CLASSICAL:
        raise UsageError(f"there is no filling {method}; choose from {', '.join(CLASSICAL)}")
    if method == "biharmonic":
        filled = inpaint_biharmonic(case.photo / 255.0, case.hidden, channel_axis=-1)
        return np.rint(255 * np.clip(filled, 0, 1)).astype(np.uint8)
    how = cv2.INPAINT_TELEA if method == "Telea" else cv2.INPAINT_NS
    return np.asarray(cv2.inpaint(case.photo, case.hidden.astype(np.uint8), RADIUS, how), np.uint8)


def face_of(points: FloatArray, size: tuple[int, int]) -> BoolArray:
    """The pixels (H, W) inside the hull of landmarks (L, 2) px."""
    canvas = np.zeros(size, np.uint8)
    hull = cv2.convexHull(np.asarray(points, np.float32)).reshape(-1, 2)
    cv2.fillPoly(canvas, [np.round(hull * 16).astype(np.int32)], [1.0], shift=4)
    return canvas > 0


def random_mask(points: FloatArray, size: tuple[int, int], rng: np.random.Generator) -> BoolArray:
    """A rectangle (H, W) somewhere on the face of landmarks (L, 2) px; its sides are a quarter to three
    quarters of the face's.
    """
    low, high = points.min(0), points.max(0)
    corner = low + rng.uniform(*STARTS, 2) * (high - low)
    far = np.minimum(corner + rng.uniform(*SHARES, 2) * (high - low), high)
    (x0, y0), (x1, y1) = np.rint(corner).astype(int).clip(0), np.rint(far).astype(int).clip(0)
    hidden = np.zeros(size, bool)
    hidden[y0 : y1 + 1, x0 : x1 + 1] = True
    return hidden


def covered(photo: ByteArray, hidden: BoolArray) -> ByteArray:
    """The photo (H, W, 3) with something even in place of what is hidden (H, W)."""
    return np.where(hidden[..., None], np.array(COVER, np.uint8), photo)


def cut(case: Case, picture: ByteArray) -> ByteArray:
    """What is looked at of a picture of the case: (SIDE, SIDE, 3) uint8."""
    x0, y0, x1, y1 = seen_box(case)
    how = cv2.INTER_AREA if max(x1 - x0, y1 - y0) > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture[y0:y1, x0:x1], (SIDE, SIDE), interpolation=how), np.uint8)
