"""The part of a photo that is worked on, at a size that can be worked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from facekit.geometry.camera import crop, project_points, resize
from facekit.records import BoolArray, ByteArray, Fit, FloatArray
from facekit.texture.blend import Scene
from facekit.texture.patch import window_of

WORKING = 768  # px, longer side at most; larger windows are scaled down to it
AROUND_MASK = 0.3  # face widths of visible surroundings that the hidden part is matched to
AROUND_FACE = 0.05
BAND = 256  # rows worked on at once at full resolution, to spare memory

Box = tuple[int, int, int, int]  # x0 y0 x1 y1 px


@dataclass(frozen=True)
class Window:
    """A box of the photo, at full and at working resolution."""

    box: Box
    photo: ByteArray  # (h, w, 3), full resolution
    hidden: BoolArray  # (h, w), full resolution
    scene: Scene  # working resolution, with its camera

    @property
    def scale(self) -> float:
        """Working pixels per photo pixel, at most 1."""
        return self.scene.hidden.shape[1] / self.hidden.shape[1]


def face_window(photo: ByteArray, hidden: BoolArray, fit: Fit) -> Window:
    """The window around the whole fitted head: what there is to see of its skin."""
    points = project_points(fit.camera, fit.vertices)[:, :2]
    margin = AROUND_FACE * face_width(fit)
    return _cut(photo, hidden, fit, (*(points.min(0) - margin), *(points.max(0) + margin)))


def mask_window(photo: ByteArray, hidden: BoolArray, fit: Fit) -> Window:
    """The window around all hidden pixels: what there is to complete."""
    x0, y0, x1, y1 = window_of(hidden, round(AROUND_MASK * face_width(fit)) + 8)
    return _cut(photo, hidden, fit, (x0, y0, x1, y1))


def face_width(fit: Fit) -> float:
    """Width of the visible part of the head in the photo, px, at least 8."""
    x = project_points(fit.camera, fit.vertices)[:, 0]
    return max(8.0, float(np.ptp(x[fit.visible] if fit.visible.any() else x)))


def _cut(photo: ByteArray, hidden: BoolArray, fit: Fit, limits: tuple[float, float, float, float]) -> Window:
    height, width = hidden.shape
    x0, y0 = (int(np.clip(np.floor(v), 0, n - 1)) for v, n in zip(limits[:2], (width, height), strict=True))
    x1, y1 = (
        int(np.clip(np.ceil(v), a + 1, n))
        for v, a, n in zip(limits[2:], (x0, y0), (width, height), strict=True)
    )
    part, mask = photo[y0:y1, x0:x1], hidden[y0:y1, x0:x1]
    scale = min(1.0, WORKING / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small, small_mask = part, mask
    if scale < 1:
        small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        small_mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    camera = resize(crop(fit.camera, (x0, y0, x1, y1)), size)
    scene = Scene(small.astype(np.float32) / 255, small_mask, max(face_width(fit) * scale, 8.0), camera)
    return Window((x0, y0, x1, y1), part, mask, scene)


def enlarge(window: Window, picture: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bring a working picture and its share of invented face to the photo's resolution.

    Smooth inside, and meeting the photo at the border of the mask, where it is sharper than the working
    picture.
    """
    if window.scale == 1:
        return picture, share
    size = window.hidden.shape[::-1]
    large = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.float32)
    full_share = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR), np.float32)
    full_share *= window.hidden
    # in place, one band behind: the next band looks at the last rows of this one as they were
    done = slice(0), large[:0]
    for rows, met in _meeting(window, large):
        large[done[0]] = done[1]
        done = rows, met
    large[done[0]] = done[1]
    return large, full_share


def _meeting(window: Window, large: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
    """Bands of rows of the enlarged picture, with what makes it meet the photo at the border of the mask."""
    sigma = 2.0 / window.scale
    halo = int(np.ceil(4 * sigma)) + 2  # as far as OpenCV's Gaussian reaches
    height = len(large)
    for start in range(0, height, max(BAND, halo)):
        stop = min(start + max(BAND, halo), height)
        first, last = max(0, start - halo), min(height, stop + halo)
        photo = window.photo[first:last].astype(np.float32) / 255
        known = (~window.hidden[first:last]).astype(np.float32)
        part = large[first:last]
        near = cv2.GaussianBlur(known, (0, 0), sigma)
        step = cv2.GaussianBlur(np.clip(photo - part, -0.2, 0.2) * known[..., None], (0, 0), sigma)
        # half of the neighbourhood is known at a straight border: there the whole step is made up, further
        # in none
        met = np.where(known[..., None] > 0, photo, part + step / np.maximum(near, 0.5)[..., None])
        yield slice(start, stop), met[start - first : stop - first]


def replaced(window: Window, picture: FloatArray) -> ByteArray:
    """The window's photo (h, w, 3) uint8 with its hidden pixels from ``picture`` (h, w, 3), sRGB 0 to 1."""
    result = window.photo.copy()
    for start in range(0, len(result), BAND):
        rows = slice(start, start + BAND)
        part = np.rint(np.clip(picture[rows], 0, 1) * 255).astype(np.uint8)
        np.copyto(result[rows], part, where=window.hidden[rows, :, None])
    return result
