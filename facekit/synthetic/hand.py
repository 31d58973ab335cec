"""A hand before the face: palm, bent fingers with nails, a thumb and the forearm, each shaded as a body."""

from __future__ import annotations

import cv2
import numpy as np

from facekit.records import FloatArray
from facekit.synthetic.chance import between
from facekit.synthetic.drawn import Drawn, Setting, over, relief, smooth
from facekit.synthetic.layout import Layout, curve
from facekit.synthetic.tone import skin_colour

FINGERS = ((-0.33, 0.80), (-0.11, 0.97), (0.11, 1.0), (0.32, 0.86))  # side on the palm, length
WIDE = 0.085  # radius of a finger at its root, of the hand's unit (palm of width 0.75, length 0.85)


def hand(setting: Setting, rng: np.random.Generator) -> Drawn:
    """A hand that reaches over the face from below or from a side; of the face's own colour half of the
    time.
    """
    layout = setting.layout.upright
    size = between(rng, 0.62, 0.95)
    target = np.array([between(rng, -0.45, 0.45), between(rng, 0.0, 1.0)])
    heading = between(rng, -np.pi - 0.3, 0.3)  # where the fingers point: left, up or right
    along = np.array([np.cos(heading), np.sin(heading)])
    side = np.array([-along[1], along[0]]) * (1 if rng.random() < 0.5 else -1)
    wrist = target - along * size * between(rng, 0.6, 1.5)
    axes = np.stack([side, along]) * size
    own = Layout(layout.shape, np.c_[layout.matrix[:, :2] @ axes.T, layout.pixels(wrist[None])[0]])
    tone = _tone(setting, rng)
    spread, bend = between(rng, 0.0, 0.9), between(rng, -0.05, 0.35)
    canvas = Canvas(setting, own)
    canvas.paint(_palm(), tone)
    hidden = rng.random() < 0.25  # a fist, or a hand seen from the edge
    for place, length in FINGERS:
        tilt = place * spread + between(rng, -0.05, 0.05)
        reach = length * (between(rng, 0.25, 0.5) if hidden else between(rng, 0.85, 1.05))
        _finger(canvas, np.array([place, 0.80]), tilt, reach, bend, tone, rng)
    if rng.random() < 0.8:
        thumb = between(rng, -1.3, -0.5)
        _finger(canvas, np.array([-0.34, 0.35]), thumb, 0.72, between(rng, -0.3, 0.2), tone, rng)
    grain = 1 + 0.06 * smooth(layout.shape, 30, rng)
    return Drawn(canvas.cover, np.asarray(canvas.colour * grain[..., None], np.float32))


class Canvas:
    """What is painted of a hand so far. Each part is worked out in the window that it fills."""

    def __init__(self, setting: Setting, layout: Layout) -> None:
        self.light, self.layout, self.radius = setting.light, layout, WIDE * layout.unit
        self.cover = np.zeros(layout.shape, np.float32)
        self.colour = np.zeros((*layout.shape, 3), np.float32)

    def paint(self, outline: FloatArray, tone: FloatArray) -> None:
        """One part, darker towards its rim, where the next one shades it."""
        where, (height, width) = self.layout.pixels(outline), self.layout.shape
        x0, y0 = np.clip(np.floor(where.min(0)).astype(int) - 3, 0, [width, height])
        x1, y1 = np.clip(np.ceil(where.max(0)).astype(int) + 3, 0, [width, height])
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        window, matrix = np.s_[y0:y1, x0:x1], self.layout.matrix - np.array([[0, 0, x0], [0, 0, y0]])
        cover = Layout((int(y1 - y0), int(x1 - x0)), matrix).fill(outline)
        lit = relief(cover, 1.1, self.light, max(2.0, self.radius))
        inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        rim = 0.72 + 0.28 * np.clip(inside / max(0.5 * self.radius, 1.0), 0, 1)
        part = Drawn(cover, ((lit * rim)[..., None] * tone).astype(np.float32))
        # Where nothing was painted yet the part's own colour stands, so that its rim does not mix with black.
        below = np.where(self.cover[window][..., None] > 0, self.colour[window], part.colour)
        self.colour[window] = over(below, part)
        self.cover[window] = np.maximum(self.cover[window], cover)


def _tone(setting: Setting, rng: np.random.Generator) -> FloatArray:
    """Colour in the picture: the face's, a little redder or darker, or another person's."""
    if rng.random() < 0.6:
        return setting.skin * np.exp(rng.normal(-0.08, 0.18) + rng.normal(0, 0.05, 3))
    return skin_colour(np.array([between(rng, 0, 7)]))[0] * setting.brightness * between(rng, 0.6, 1.3)


def _palm() -> FloatArray:
    """The palm, and the forearm as far as it goes."""
    palm = [(-0.27, 0.0), (-0.42, 0.4), (-0.40, 0.82), (0.0, 0.9), (0.40, 0.8), (0.38, 0.35), (0.25, 0.0)]
    return np.concatenate([curve(palm), np.array([(0.27, -0.3), (0.42, -3.5), (-0.42, -3.5), (-0.28, -0.3)])])


def _finger(
    canvas: Canvas, root: FloatArray, tilt: float, length: float, bend: float, tone: FloatArray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Three bones that turn by up to ``bend`` rad each, with a nail now and then."""
    points, angle = [root], tilt
    for share in (0.45, 0.30, 0.25):
        points.append(points[-1] + share * length * np.array([np.sin(angle), np.cos(angle)]))
        angle += bend * np.sign(tilt if abs(tilt) > 0.02 else 1.0) * rng.random()
    path = curve(np.array(points), 5)
    half = WIDE * np.linspace(1.12, 0.82, len(path)) * between(rng, 0.9, 1.15)
    canvas.paint(_outline(path, half), tone)
    if rng.random() < 0.5:
        ahead = path[-1] - path[-3]
        ahead /= np.linalg.norm(ahead) + 1e-9
        turn = np.linspace(0, 2 * np.pi, 14)[:, None]
        across = np.array([ahead[1], -ahead[0]])
        nail = path[-1] - 0.03 * ahead + 0.05 * np.cos(turn) * across + 0.075 * np.sin(turn) * ahead
        varnish = np.array([0.5, 0.03, 0.05]) if rng.random() < 0.2 else tone * np.array([1.15, 1.05, 1.05])
        canvas.paint(nail, varnish.astype(np.float32))


def _outline(path: FloatArray, half: FloatArray) -> FloatArray:
    """The outline of a path (n, 2) with half widths (n,), round at its end."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 8)[1:-1, None]
    cap = path[-1] + half[-1] * (np.cos(turn) * along[-1] - np.sin(turn) * across[-1])
    return np.concatenate([path + across * half[:, None], cap, (path - across * half[:, None])[::-1]])
