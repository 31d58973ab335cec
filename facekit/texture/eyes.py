"""Eyes and teeth that nobody sees, made to look like some: lashes along the lids, irises as dark as most are,
whites with the tint of the picture.

The linear albedo model is a mean of light and dark irises, which hardly anybody has, and its line of lashes
is too thin to show in a photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from facekit.morphable.model import FaceModel
from facekit.morphable.topology import Topology
from facekit.records import FloatArray
from facekit.texture.albedo import BRIGHT, DARK, Ground
from facekit.texture.chart import Chart
from facekit.texture.unwrap import smoothstep

UPPER = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
LASH_WIDTH = 0.0045  # of the side of the chart, standard deviation
LASHES = (1.2, 0.35)  # log albedo that lashes darken the rims of the upper and the lower lid by
IRIS = (0.7, 1.6)  # log albedo darker than the white of the eye: from there on it starts to be iris, and is
TONE = 0.16  # albedo of the iris over that of the skin: most people's are brown
SPREAD = 0.35  # standard deviation of its logarithm from one completion to another
HUE = np.array([0.15, 0.0, -0.15], np.float32)  # log albedo, of a dark iris against that of the skin
LIGHTER = 0.3  # log albedo by which irises may become lighter, at most
ENOUGH = 0.1  # share of a part of both eyes that must be seen to tell its tone
STEP = 3  # texels: of every so many one tells the tone of the skin
WHITE = 1.35  # white of the eye, and of teeth, over the albedo of light skin, at most
TINT = 0.6  # of the hue of the skin, that these share: the picture's tint, and blood
SHADOW = (
    -0.05,
    0.35,
    0.6,
)  # sine of the height on the ball where the lid's shadow starts and is full; log albedo
SIDES = (0.25, 0.6, 0.3)  # the same towards the corners of the eye
GLINT = (
    0.10,
    0.16,
    0.06,
    1.5,
)  # where a lamp shows on the cornea, aside and up, its size, sines; log albedo


@dataclass(frozen=True)
class Eyes:
    """Where the chart shows what of the eyes, (T, T) float32."""

    lashes: FloatArray  # log albedo
    iris: FloatArray  # 0 to 1
    white: FloatArray  # 0 to 1
    teeth: FloatArray  # 0 to 1
    shade: FloatArray  # log albedo, shadows of the lids less the glint of a lamp

    @classmethod
    def of(cls, model: FaceModel, chart: Chart) -> Eyes | None:
        """The maps of a model; None where it has no albedo or not the 478 landmarks."""
        topology = model.topology
        if model.albedo is None or "mediapipe478" not in topology.embeddings:
            return None
        size = chart.size
        skin = chart.image(chart.at(topology.part("skin").astype(np.float32)))
        ball = chart.image(chart.at(topology.part("left_eye", "right_eye").astype(np.float32))) > 0.5
        grey = cv2.resize(model.albedo.mean.mean(-1), (size, size), interpolation=cv2.INTER_LINEAR)
        darker = np.log(float(np.quantile(grey[ball], 0.8)) / np.maximum(grey, DARK))
        iris = np.where(ball, smoothstep(darker, *IRIS), 0).astype(np.float32)
        white = np.where(ball, 1 - iris, 0).astype(np.float32)
        teeth = chart.image(chart.at(topology.part("teeth").astype(np.float32)))
        return cls(_lashes(topology, size) * skin, iris, white, teeth, _shade(model, chart) * ball)


def _shade(model: FaceModel, chart: Chart) -> FloatArray:
    """(T, T) log albedo that shadows of the lids take from eyeballs, less what a lamp's reflection adds."""
    total = np.zeros((chart.size, chart.size), np.float32)
    for name in ("left_eye", "right_eye"):
        part = model.topology.part(name)
        ball = np.asarray(model.mean, np.float64)
        away = ball - (ball[part].min(0) + ball[part].max(0)) / 2
        away = np.where(part[:, None], away / np.linalg.norm(away, axis=1, keepdims=True), 0)
        x, y, z = np.moveaxis(chart.image(chart.at(away)), -1, 0)
        dark = SHADOW[2] * smoothstep(y, *SHADOW[:2]) + SIDES[2] * smoothstep(np.abs(x), *SIDES[:2])
        near = np.exp(-0.5 * ((x - GLINT[0]) ** 2 + (y - GLINT[1]) ** 2) / GLINT[2] ** 2) * (z > 0)
        total += np.where(chart.image(chart.at(part.astype(np.float32))) > 0.5, dark - GLINT[3] * near, 0)
    return total


def _lashes(topology: Topology, size: int) -> FloatArray:
    points = topology.embeddings["mediapipe478"]
    corners = topology.uv[topology.uv_faces[points.face]].astype(np.float64)
    uv = np.einsum("lcd,lc->ld", corners, points.bary.astype(np.float64))
    at = np.stack([uv[:, 0], 1 - uv[:, 1]], 1) * size - 0.5
    result = np.zeros((size, size), np.float32)
    for lids, strength in zip((UPPER, LOWER), LASHES, strict=True):
        line = np.zeros((size, size), np.float32)
        for lid in lids:
            cv2.polylines(line, [np.rint(at[list(lid)]).astype(np.int32)], False, 1.0)
        soft = cv2.GaussianBlur(line, (0, 0), LASH_WIDTH * size)
        result = np.maximum(result, strength * np.minimum(soft * (2.5 * LASH_WIDTH * size), 1.0))
    return result


def with_eyes(
    albedo: FloatArray, unseen: FloatArray, eyes: Eyes, ground: Ground, generator: torch.Generator | None
) -> FloatArray:
    """The albedo (T, T, 3) with eyes as most people have them where they are not seen, ``unseen`` (T, T).

    Where one eye is seen, the other has its tones. Else that of the irises goes with the skin's, and differs
    by SPREAD where there is a generator.
    """
    face = albedo[::STEP, ::STEP][ground.plain[::STEP, ::STEP] > 0.5]
    where = np.maximum(eyes.iris + eyes.white + eyes.teeth, eyes.lashes) > 1e-3
    iris, white, dark = eyes.iris[where], eyes.white[where], (eyes.lashes + eyes.shade)[where]
    if not len(face) or not (iris > 0.5).any():
        return albedo
    tones, log = (np.log(np.clip(one, DARK, BRIGHT)) for one in (face, albedo[where]))
    skin, hidden = np.median(tones, axis=0), unseen[where]
    chance = 0.0 if generator is None else SPREAD * float(torch.randn(1, generator=generator))
    target = skin + np.log(TONE) + HUE * np.exp(-max(chance, 0.0)) + chance
    like_other = _other(log, iris, hidden)
    shift = like_other if like_other is not None else target - np.median(log[iris > 0.5], axis=0)
    shift = shift + min(0.0, LIGHTER - float(shift.mean()))
    limit = np.log(WHITE) + float(np.quantile(tones.mean(-1), 0.8))
    tinted = np.minimum(log.mean(-1, keepdims=True), limit) + TINT * (skin - skin.mean()) - log
    like_other = _other(log, white, hidden)
    whiter = tinted if like_other is None else np.broadcast_to(like_other, log.shape)
    change = iris[:, None] * shift + white[:, None] * whiter + eyes.teeth[where][:, None] * tinted
    change = change - dark[:, None]
    result = np.array(albedo, np.float32)
    result[where] = np.clip(np.exp(log + hidden[:, None] * change), DARK, BRIGHT)
    return result


def _other(log: FloatArray, part: FloatArray, hidden: FloatArray) -> FloatArray | None:
    """(3,) log albedo from the hidden texels of a part (N,) to the seen ones; None where too few are seen."""
    seen, rest = (part > 0.5) & (hidden < 0.5), (part > 0.5) & (hidden > 0.5)
    if seen.sum() < ENOUGH * (part > 0.5).sum() or not rest.any():
        return None
    return np.asarray(np.median(log[seen], axis=0) - np.median(log[rest], axis=0), np.float32)
