"""Putting a rendered face into the hidden pixels of a photo without a seam."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from facekit.raster.shade import linear_to_srgb
from facekit.records import BoolArray, Camera, FloatArray
from facekit.texture.fill import fill, normalised_blur
from facekit.texture.membrane import membrane
from facekit.texture.render import Layer
from facekit.texture.unwrap import OUTLINE, smoothstep

# sRGB, the largest correction; a larger difference is an edge that does not match, not a tint. What lies
# before or beside skin, hair or a shadow, is mostly darker.
DARKER, BRIGHTER = 0.25, 0.6
CARRY = 0.25  # face widths, how far a correction carries into the hidden part
NECK = 0.15  # how much the border of the mask on neck and ears tells of the face: shadows lie there
SKIN, CORE, PLAIN, EYE = range(4)  # columns of the attributes a layer is rendered with, see skin_attributes
SOFT = 0.5  # share of the softened render in a softened picture, but not on eyeballs: the rest stays crisp
FADE = 0.05  # face widths, within which what does not match at the border of the hidden part fades
SPOTS = 0.01  # face widths, over which visible pixels are taken together: grain makes skin no less skin
FILL_SCALE = 0.03  # face widths: what is finer than this is detail of hair and background


@dataclass(frozen=True)
class Scene:
    """What a photo offers to every completion of it."""

    picture: FloatArray  # (H, W, 3) float32, sRGB 0 to 1
    hidden: BoolArray  # (H, W)
    face_width: float  # px
    camera: Camera  # of the picture

    @cached_property
    def spots(self) -> FloatArray:
        """(H, W, 3): the visible pixels around each pixel. An occluder's would make skin look like none."""
        return normalised_blur(self.picture, ~self.hidden, max(0.8, SPOTS * self.face_width))

    @cached_property
    def border(self) -> FloatArray:
        """(H, W, 3): the visible pixels nearest to each hidden one at the border."""
        return normalised_blur(self.picture, ~self.hidden, 1.0)


def blend(scene: Scene, layer: Layer, soften: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """The photo with its hidden pixels completed, (H, W, 3) float32 sRGB, and the share (H, W) of invented
    face in each.

    Inside the rendered face the result has the gradients of the render and meets the visible skin at the
    border of the mask (gradient-domain blending with a screen, so that a mismatch of features there stays
    local); outside it the surroundings are continued. Pixels that are not hidden are those of the photo.
    ``soften`` is the standard deviation, in px, of where hidden features lie: blurred by it the render
    becomes what is to be expected, and mixed with the crisp one it still looks like a face. Eyeballs
    stay crisp: nobody has hazy ones.
    """
    rendered = linear_to_srgb(np.clip(layer.colour, 0, 1)).astype(np.float32)
    if soften > 0:
        share = SOFT * (1 - np.clip(layer.extra[..., EYE, None], 0, 1))
        rendered = (1 - share) * rendered + share * _softened(rendered, layer.cover, soften)
    skin = skin_share(scene, layer, rendered)
    part = np.asarray(layer.cover * skin, np.float32)
    correction = _correction(scene, layer, rendered, skin)
    face = np.clip(rendered + correction, 0, 1)
    around = ~scene.hidden & (part < 0.1)
    behind = fill(scene.picture, scene.hidden, around, max(2.0, FILL_SCALE * scene.face_width))
    mixed = part[..., None] * face + (1 - part[..., None]) * np.clip(behind, 0, 1)
    mixed = np.clip(mixed + _rest(scene, part, rendered, correction), 0, 1)
    picture = np.where(scene.hidden[..., None], mixed, scene.picture).astype(np.float32)
    return picture, np.where(scene.hidden, part, 0)


def _rest(scene: Scene, part: FloatArray, rendered: FloatArray, correction: FloatArray) -> FloatArray:
    """(H, W, 3): what the photo at the border of the hidden part still differs by, fading inwards: hair
    before a cheek ends in a soft edge, not in a cut.
    """
    inside = rendered + normalised_blur(correction, scene.hidden, 1.0)
    return membrane(
        scene.hidden,
        part[..., None] * (scene.border - np.clip(inside, 0, 1)),
        (~scene.hidden).astype(np.float32),
        1.0 / (FADE * scene.face_width) ** 2,
    )


def _softened(rendered: FloatArray, cover: FloatArray, sigma: float) -> FloatArray:
    total = cv2.GaussianBlur(rendered * cover[..., None], (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(cover, (0, 0), sigma), 1e-3)[..., None], np.float32)


def skin_share(scene: Scene, layer: Layer, rendered: FloatArray) -> FloatArray:
    """(H, W) float32: how far each covered pixel shows the face itself, rather than hair or clothes in front
    of it.

    Where the photo shows the place: 1 in the core of the face, else by likeness to the render. Where it does
    not: carried on from the visible surroundings, and towards the prior of the place on the head.
    """
    prior, core = layer.extra[..., SKIN], layer.extra[..., CORE]
    apart = np.abs(scene.spots - rendered).max(-1) / (0.08 + 0.25 * rendered.mean(-1))
    alike = np.exp(-0.5 * np.maximum(apart - 0.5, 0) ** 2 / 0.35**2)
    seen = np.maximum(core, alike * (0.2 + 0.8 * prior))
    covered = layer.cover > 0.5
    free = covered & scene.hidden
    screen = 1.0 / (0.12 * scene.face_width) ** 2
    field = membrane(
        free, seen[..., None], (covered & ~scene.hidden).astype(np.float32), screen, towards=prior[..., None]
    )[..., 0]
    field = np.maximum(field, core)
    # one pixel further out the silhouette is anti-aliased by the cover, so the share must not fade there as
    # well
    grown = cv2.dilate(np.where(covered, field, 0).astype(np.float32), np.ones((3, 3), np.uint8))
    return np.clip(np.where(covered, field, grown), 0, 1)


def _correction(scene: Scene, layer: Layer, rendered: FloatArray, skin: FloatArray) -> FloatArray:
    """(H, W, 3): what to add to the render so that it meets the visible skin at the border of the hidden
    part.
    """
    difference = scene.picture - rendered
    size = np.abs(difference).max(-1)
    inner = cv2.distanceTransform((layer.cover > 0.99).astype(np.uint8), cv2.DIST_L2, 5)
    low, high = (f * scene.face_width for f in OUTLINE)
    limit = np.where(difference.mean(-1) > 0, BRIGHTER, DARKER).astype(np.float32)
    trust = np.where(scene.hidden, 0, skin) * np.exp(-2 * (size / limit) ** 2) * smoothstep(inner, low, high)
    trust = trust * (NECK + (1 - NECK) * np.clip(layer.extra[..., CORE], 0, 1))
    return membrane(
        scene.hidden, np.clip(difference, -DARKER, BRIGHTER), trust, 1.0 / (CARRY * scene.face_width) ** 2
    )
