"""Completing a photo: textures for each shape of an ensemble, and the pictures they give under the photo's
own light.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from time import perf_counter

import cv2
import numpy as np
import torch

from facekit.errors import NumericalError, UsageError
from facekit.geometry.camera import crop, project_points, resize
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.model import FaceModel
from facekit.raster.shade import linear_to_srgb, srgb_to_linear
from facekit.records import BoolArray, ByteArray, Camera, Completion, Ensemble, Fit, FloatArray
from facekit.texture.albedo import (
    MIRRORED,
    SEEN,
    Ground,
    SeenAlbedo,
    complete_albedo,
    confidence_map,
    exposure,
    is_symmetric,
    seen_albedo,
)
from facekit.texture.blend import CORE, PLAIN, Scene, blend
from facekit.texture.chart import Chart, chart_of
from facekit.texture.grain import add_grain
from facekit.texture.invent import invent
from facekit.texture.membrane import membrane
from facekit.texture.patch import window_of
from facekit.texture.render import render_layer
from facekit.texture.shading import shading, shelter, unit
from facekit.texture.unwrap import smoothstep, unwrap

WORKING = 1024  # px, longer side of the picture in which faces are rendered; larger windows are scaled to it
EXPECTED = 0.007  # face widths: the first picture is the expected one, as unsure of hidden features as this
ALIKE = 0.08  # sRGB: visible pixels this near to the render show skin, not hair
SIZES = (256, 512, 1024, 2048)  # texels a side


@dataclass(frozen=True)
class Window:
    """The part of the photo that matters, at working resolution."""

    box: tuple[int, int, int, int]  # x0 y0 x1 y1 px in the photo
    photo: ByteArray  # (h, w, 3), full resolution
    hidden: BoolArray  # (h, w), full resolution
    scene: Scene  # working resolution
    linear: FloatArray  # (h', w', 3) float32, the scene's picture in linear RGB
    camera: Camera  # of the scene

    @property
    def scale(self) -> float:
        """Working pixels per photo pixel, at most 1."""
        return self.scene.hidden.shape[1] / self.hidden.shape[1]


def complete(
    photo: ByteArray,
    hidden: BoolArray,
    fit: Fit,
    ensemble: Ensemble,
    model: FaceModel,
    generator: torch.Generator,
    texture_size: int = 512,
) -> Completion:
    """Complete the hidden part of a photo once for each shape of the ensemble.

    photo (H, W, 3) uint8; hidden (H, W) bool. The first completion takes the mean of the albedo's posterior,
    the others samples of it. Pixels that are not hidden are no part of the result. Raises UsageError where
    the parts do not belong together, NumericalError where a texture is not finite.
    """
    _check(photo, hidden, fit, ensemble, model, texture_size)
    started = perf_counter()
    window = _window(photo, hidden, fit)
    skin = Skin(model, fit, window, chart_of(model.topology, texture_size))
    inventions = skin.inventions(ensemble.vertices[0], generator, len(ensemble.vertices))
    patches: list[ByteArray] = []
    textures, confidence, figures, on_face = [], None, [], False
    for vertices, prior in zip(ensemble.vertices, inventions, strict=True):
        seen = skin.seen(vertices)
        albedo = complete_albedo(seen, prior, skin.chart, skin.ground, skin.symmetric)
        if not np.isfinite(albedo).all():
            raise NumericalError("the texture is not finite; the fit's light or camera does not make sense")
        soften = 0.0 if patches else EXPECTED * window.scene.face_width
        patch, share = _picture(window, vertices, albedo, fit, model, generator, soften)
        if confidence is None:
            confidence = confidence_map(seen.trust, skin.chart.covered, skin.symmetric)
        on_face = on_face or bool((share > 0.5).any())
        patches.append(patch)
        textures.append(_bytes(albedo * exposure(seen, inventions[0], skin.ground)))
        figures.append({"invented_face_pixels": int((share > 0.5).sum())})
    assert confidence is not None
    stats = {
        **_known(confidence, skin.chart, model),
        "hidden_pixels": int(hidden.sum()),
        "mask_on_face": on_face,
        "seconds": round(perf_counter() - started, 2),
        "completions": figures,
    }
    return Completion(
        window=np.array(window.box, np.int32),
        patches=np.stack(patches),
        mask=window.hidden,
        textures=np.stack(textures),
        confidence=confidence,
        image_size=np.array(photo.shape[1::-1], np.int32),
        photo_sha256=fit.photo_sha256,
        stats=json.dumps(stats),
    )


@dataclass(frozen=True)
class Skin:
    """What the photo says of the skin of any shape that is laid under it."""

    model: FaceModel
    fit: Fit
    window: Window
    chart: Chart

    @property
    def symmetric(self) -> bool:
        """Whether texels have mirror partners."""
        return is_symmetric(self.chart) and bool((self.model.topology.mirror >= 0).all())

    @property
    def ground(self) -> Ground:
        """Where the chart shows skin, and plain skin."""
        skin = self.chart.image(self.chart.at((self.model.topology.parts == 0).astype(np.float32)))
        features = self.chart.image(self.chart.at(busy(self.model)))
        face = self.chart.image(self.chart.at(skin_attributes(self.model)[:, CORE]))
        return Ground(skin, skin * (1 - features), skin * face)

    def seen(self, vertices: FloatArray) -> SeenAlbedo:
        """The albedo that the photo shows on a shape (V, 3) m."""
        faces = self.model.topology.faces
        normals = vertex_normals(np.asarray(vertices, np.float64), faces)
        scene = self.window.scene
        camera = self.window.camera
        shown = unwrap(self.window.linear, scene.hidden, camera, vertices, normals, faces, self.chart)
        reached = self.chart.at(shelter(self.model.topology, vertices))[:, None]
        shade = shading(unit(self.chart.at(normals)), self.fit.light) * reached
        return seen_albedo(self.chart, shown.colour, shade, shown.trust)

    def inventions(self, vertices: FloatArray, generator: torch.Generator, n: int) -> list[FloatArray]:
        """n whole albedos (T, T, 3) from the prior given what is seen, the likeliest first."""
        return invent(self.model.albedo, self.seen(vertices), self.chart.covered, generator, n)


def _check(
    photo: ByteArray, hidden: BoolArray, fit: Fit, ensemble: Ensemble, model: FaceModel, texture_size: int
) -> None:
    if photo.shape[:2] != hidden.shape or tuple(fit.camera.image_size) != photo.shape[1::-1]:
        raise UsageError(
            "the photo, the mask and the fit are of different sizes; they must be of the same photo"
        )
    if len({fit.model_sha256, ensemble.model_sha256, model.digest}) > 1:
        raise UsageError(
            "the fit, the ensemble and --model are of different face models; make them with the same one"
        )
    if len(model.topology.uv) == 0:
        raise UsageError(
            f"the model {model.name} has no texture chart, so that no picture can be completed with it"
        )
    if texture_size not in SIZES:
        raise UsageError(f"a texture has {', '.join(map(str, SIZES))} texels a side, not {texture_size}")


def _window(photo: ByteArray, hidden: BoolArray, fit: Fit) -> Window:
    """The box around the face and all hidden pixels, and the same at working resolution."""
    height, width = hidden.shape
    points = project_points(fit.camera, fit.vertices)
    inner = points[fit.visible] if fit.visible.any() else points
    face_width = float(np.ptp(inner[:, 0]))
    low = np.floor(points[:, :2].min(0)).astype(int)
    high = np.ceil(points[:, :2].max(0)).astype(int)
    x0, y0, x1, y1 = window_of(hidden, round(0.15 * face_width) + 8)
    box = (
        int(np.clip(min(low[0], x0), 0, width - 1)),
        int(np.clip(min(low[1], y0), 0, height - 1)),
        int(np.clip(max(high[0], x1), 1, width)),
        int(np.clip(max(high[1], y1), 1, height)),
    )
    cut = (slice(box[1], box[3]), slice(box[0], box[2]))
    part, mask = photo[cut], hidden[cut]
    camera = crop(fit.camera, box)
    scale = min(1.0, WORKING / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small, small_mask = part, mask
    if scale < 1:
        small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        small_mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    picture = small.astype(np.float32) / 255
    scene = Scene(picture, small_mask, max(face_width * scale, 8.0))
    linear = srgb_to_linear(picture).astype(np.float32)
    return Window(box, part, mask, scene, linear, resize(camera, size))


def _picture(
    window: Window,
    vertices: FloatArray,
    albedo: FloatArray,
    fit: Fit,
    model: FaceModel,
    generator: torch.Generator,
    soften: float,
) -> tuple[ByteArray, FloatArray]:
    """The completed window (h, w, 3) uint8, and the share (h', w') of invented face at working resolution."""
    layer = render_layer(vertices, model.topology, albedo, fit.light, window.camera, skin_attributes(model))
    picture, share = blend(window.scene, layer, soften)
    if window.scale < 1:
        picture, full_share = _enlarge(window, picture, share)
    else:
        full_share = share
    alike = np.abs(linear_to_srgb(np.clip(layer.colour, 0, 1)) - window.scene.picture).max(-1) < ALIKE
    plain = (alike & (layer.extra[..., PLAIN] > 0.9)).astype(np.uint8)
    plain = np.asarray(
        cv2.resize(plain, window.hidden.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8
    )
    face_width = window.scene.face_width / window.scale
    picture = add_grain(picture, (plain > 0) & ~window.hidden, full_share, face_width, generator)
    done = np.where(window.hidden[..., None], np.rint(np.clip(picture, 0, 1) * 255), window.photo)
    return done.astype(np.uint8), share


def _enlarge(window: Window, picture: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bring a working picture to the photo's resolution: smooth inside, and meeting the photo at the mask's
    border.
    """
    size = window.hidden.shape[::-1]
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    photo = window.photo.astype(np.float32) / 255
    reach = 3.0 / window.scale
    difference = np.clip(photo - large, -0.2, 0.2)
    known = (~window.hidden).astype(np.float32)
    large = large + membrane(window.hidden, difference, known, 1.0 / reach**2)
    full_share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
    return np.where(window.hidden[..., None], large, photo), np.where(window.hidden, full_share, 0)


def skin_attributes(model: FaceModel) -> FloatArray:
    """(V, 3) float32, columns SKIN, CORE and PLAIN of texture.blend.

    How likely a place of the head shows skin; whether it is the face proper, which always does; and whether
    it is plain skin, without brows, eyes, nostrils and lips.
    """
    count = len(model.topology.parts)
    regions = model.topology.regions
    zero = np.zeros(count, np.float32)
    scalp, face = regions.get("scalp", zero), regions.get("face", zero + 1)
    core = np.clip(regions.get("narrow_face", face) - scalp, 0, 1)
    brow = regions.get("forehead", zero)
    if (brow > 0.5).any():
        # the hairline crosses the upper half of the forehead, so that there the pixels around must tell
        height = model.mean[:, 1]
        low, high = np.quantile(height[brow > 0.5], (0.4, 0.75))
        core = core * (1 - brow * smoothstep(height, float(low), float(high)))
    inner = model.topology.parts > 0
    plain = np.where(inner, 0, np.maximum(core, brow) * (1 - busy(model)))
    return np.stack([np.where(inner, 1, 1 - scalp), np.where(inner, 1, core), plain], 1).astype(np.float32)


def busy(model: FaceModel) -> FloatArray:
    """(V,) float32, 1 around the eyes, on nose and lips, where skin is not plain."""
    regions = model.topology.regions
    zero = np.zeros(len(model.topology.parts), np.float32)
    names = ("eye_region", "lips", "nose")
    return np.clip(sum((regions.get(name, zero) for name in names), zero), 0, 1).astype(np.float32)


def _known(confidence: ByteArray, chart: Chart, model: FaceModel) -> dict[str, float]:
    """Shares of the face's surface that are seen, mirrored and invented."""
    face = model.topology.regions.get("face")
    weight = chart.image(np.ones(len(chart.index), np.float32) if face is None else chart.at(face))
    total = max(float(weight.sum()), 1e-6)
    share = {
        "face_seen": float(weight[confidence == SEEN].sum()) / total,
        "face_mirrored": float(weight[confidence == MIRRORED].sum()) / total,
    }
    return {**share, "face_invented": max(0.0, 1.0 - sum(share.values()))}


def _bytes(linear: FloatArray) -> ByteArray:
    return np.rint(linear_to_srgb(np.clip(linear, 0, 1)) * 255).astype(np.uint8)
