"""A landmark network that cannot err: it reads its place in the photo from the colours of a ramp."""

from typing import ClassVar

import numpy as np

from facekit.detection.crops import transform
from facekit.detection.detector import Detector, Reading
from facekit.detection.schemes import MIRROR_68

SIZE = (640, 512)


def ramp() -> np.ndarray:
    """A photo of SIZE whose red is x and whose green is y of the pixel centre, 0 to 255."""
    x, y = np.meshgrid((np.arange(SIZE[0]) + 0.5) / SIZE[0], (np.arange(SIZE[1]) + 0.5) / SIZE[1])
    return (255 * np.stack([x, y, 0 * x], axis=-1)).round().astype(np.uint8)


def face68(centre: tuple[float, float] = (320, 256), width: float = 100.0) -> np.ndarray:
    """68 points, laid out roughly as in a face seen from the front, mirror-symmetric in the picture."""
    t = np.linspace(-1, 1, 17)
    jaw = np.stack([t, 0.15 + 1.05 * np.sqrt(1 - 0.999 * t**2)], axis=1)
    brow = np.stack([np.linspace(-0.8, -0.2, 5), np.full(5, -0.35)], axis=1)
    bridge = np.stack([np.zeros(4), np.linspace(-0.2, 0.25, 4)], axis=1)
    base = np.stack([np.linspace(-0.2, 0.2, 5), np.full(5, 0.35)], axis=1)
    turn = np.radians([180, 240, 300, 0, 60, 120])
    eye = np.stack([-0.45 + 0.18 * np.cos(turn), -0.15 + 0.06 * np.sin(turn)], axis=1)
    outer, inner = (np.radians(np.linspace(180, 540, n, endpoint=False)) for n in (12, 8))
    lips = [
        np.stack([r * np.cos(a), 0.65 + 0.4 * r * np.sin(a)], axis=1)
        for r, a in ((0.35, outer), (0.25, inner))
    ]
    flip = np.array([-1.0, 1.0])
    points = np.concatenate(
        [jaw, brow, brow[::-1] * flip, bridge, base, eye, eye[[3, 2, 1, 0, 5, 4]] * flip, *lips]
    )
    return np.asarray(centre) + points * width / 2


class Seeing(Detector):
    """Knows where 68 points lie in the ramp photo; in a mirrored crop it sees the sides exchanged."""

    name = "face-alignment"
    scheme = "ibug68"
    crop_size = 64
    margin = 1.5
    shift = 0.0
    runs = 8
    crops_seen: ClassVar[list[np.ndarray]] = []

    def __init__(self, truth: np.ndarray, noise: np.ndarray | None = None) -> None:
        self.truth, self.noise = truth, np.zeros(68) if noise is None else noise
        self.generator = np.random.default_rng(0)

    def landmarks(self, crop: np.ndarray, lane: int = 0) -> Reading:
        inverse, mirrored = self._photo_to_crop(crop)
        points = self.truth + self.generator.normal(size=(68, 2)) * self.noise[:, None]
        points = points[MIRROR_68] if mirrored else points
        return Reading(transform(inverse, points), np.zeros(68), np.ones(68))

    def _photo_to_crop(self, crop: np.ndarray) -> tuple[np.ndarray, bool]:
        n = len(crop)
        x, y = np.meshgrid(np.arange(n) + 0.5, np.arange(n) + 0.5)
        inside = (crop[..., :2] > 0).all(axis=-1)
        place = np.stack([x[inside], y[inside], np.ones(inside.sum())], axis=1)
        seen = crop[inside][:, :2] / 255 * np.array(SIZE)
        matrix = np.eye(3)
        matrix[:2] = np.linalg.lstsq(place, seen, rcond=None)[0].T
        return np.linalg.inv(matrix), bool(np.linalg.det(matrix) < 0)
