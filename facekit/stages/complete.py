"""Completing a photo: textures for each shape of an ensemble, and the pictures they give under the photo's
own light.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch

from facekit.errors import NumericalError, UsageError
from facekit.files.assets import has_asset, read_asset_weights
from facekit.morphable.model import FaceModel
from facekit.raster.shade import linear_to_srgb
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit, FloatArray
from facekit.synthetic.lids import tuck_eyes
from facekit.texture.albedo import (
    MIRRORED,
    SEEN,
    SeenAlbedo,
    complete_albedo,
    confidence_map,
)
from facekit.texture.blend import PLAIN, blend
from facekit.texture.chart import Chart
from facekit.texture.expected import Expected, add_expected
from facekit.texture.eyes import Eyes, with_eyes
from facekit.texture.grain import add_grain
from facekit.texture.inpainter import Inpainter
from facekit.texture.invent import invent
from facekit.texture.monochrome import is_monochrome, remove_colour
from facekit.texture.options import WHOLE, TextureOptions
from facekit.texture.places import skin_attributes
from facekit.texture.refine import Refinement, expected, refinement, toned, varied
from facekit.texture.render import render_layer
from facekit.texture.skin import Laid, Skin
from facekit.texture.window import Window, enlarge, face_window, mask_window, replaced

EXPECTED = 0.008  # face widths: the first picture is the expected one, as unsure of hidden features as this
LEARNED = "expected.safetensors"
NETWORK = "inpainter.safetensors"
ALIKE = 0.08  # sRGB: visible pixels this near to the render show skin, not hair
SIZES = (256, 512, 1024, 2048)  # texels a side
WORKERS = 2  # completions at once
LARGE = 1_500_000  # px; larger windows are completed one at a time, to spare memory


@lru_cache(maxsize=1)
def _shipped() -> Expected | None:
    return Expected.from_arrays(*read_asset_weights(LEARNED)) if has_asset(LEARNED) else None


@lru_cache(maxsize=1)
def _network() -> Inpainter | None:
    return Inpainter.from_arrays(*read_asset_weights(NETWORK)) if has_asset(NETWORK) else None


@dataclass(frozen=True)
class One:
    """What is to be told of one completion, besides its picture and texture."""

    trust: FloatArray  # (T, T), how far each texel is seen
    face_pixels: int  # completed pixels that show the face


def complete(
    photo: ByteArray,
    hidden: BoolArray,
    fit: Fit,
    ensemble: Ensemble,
    model: FaceModel,
    generator: torch.Generator,
    texture_size: int = 512,
    options: TextureOptions = WHOLE,
) -> Completion:
    """Complete the hidden part of a photo once for each shape of the ensemble.

    photo (H, W, 3) uint8; hidden (H, W) bool. The first completion takes the mean of the albedo's posterior,
    and its picture is the expected one (see texture.expected); the others take samples of it. ``options``
    leave parts of the method out, for ablations.
    Pixels that are not hidden are no part of the result. Raises UsageError where
    the parts do not belong together, NumericalError where a texture is not finite.
    """
    _check(photo, hidden, fit, ensemble, model, texture_size)
    n = len(ensemble.vertices)
    skin = Skin.of(face_window(photo, hidden, fit), fit, model, texture_size, options)
    window = mask_window(photo, hidden, fit)
    first = skin.lay(ensemble.vertices[0])
    priors = invent(model.albedo, first.seen, skin.ground, generator, n)
    found = _refinement(skin, first.seen, priors[0], options)
    eyes = Eyes.of(model, skin.chart)
    seeds = torch.randint(2**62, (n,), generator=generator).tolist()
    grey = is_monochrome(photo, ~hidden)

    # Written in place: on a large photo the patches are most of the memory.
    patches = np.zeros((n, *window.photo.shape), np.uint8)
    textures = np.zeros((n, texture_size, texture_size, 3), np.uint8)

    def work(i: int) -> One:
        grain = torch.Generator().manual_seed(seeds[i])
        soften = EXPECTED * window.scene.face_width if i == 0 else 0.0
        laid = skin.lay(tuck_eyes(model.topology, ensemble.vertices[i]))
        one, patches[i], textures[i] = _one(skin, window, laid, priors[i], soften, grain, found, eyes)
        if grey:
            remove_colour(patches[i], window.hidden)
            remove_colour(textures[i], np.ones(textures[i].shape[:2], bool))
        return one

    with ThreadPoolExecutor(WORKERS if window.hidden.size < LARGE else 1) as pool:
        done = list(pool.map(work, range(n)))
    confidence = confidence_map(done[0].trust, skin.chart.covered, skin.symmetric)
    return Completion(
        window=np.array(window.box, np.int32),
        patches=patches,
        mask=window.hidden,
        textures=textures,
        confidence=confidence,
        image_size=np.array(photo.shape[1::-1], np.int32),
        photo_sha256=fit.photo_sha256,
        stats=_stats(done, _known(confidence, skin.chart, model), hidden),
    )


def _refinement(
    skin: Skin, seen: SeenAlbedo, prior: FloatArray, options: TextureOptions
) -> Refinement | None:
    """What the network makes of the first texture; None where none is wanted, or none fits the chart."""
    network = None if options.inpainter == "linear" else _network()
    if network is None or not network.belongs_to(skin.model.topology):
        if options.inpainter == "network":
            raise UsageError(
                f"no inpainter comes with facekit for the face model {skin.model.name}; use the linear one"
            )
        return None
    albedo = complete_albedo(seen, prior, skin.chart, skin.ground, skin.symmetric)
    return refinement(network, seen, albedo, skin.chart, skin.ground, skin.symmetric)


def _expected(skin: Skin, albedo: FloatArray, shade: FloatArray, trust: FloatArray) -> FloatArray:
    """The albedo (T, T, 3) with what completions usually miss, where that was learned on this chart."""
    learned = _shipped()
    if learned is None or not learned.belongs_to(skin.model.topology):
        return albedo
    lit = skin.chart.image(shade)
    return add_expected(albedo, lit, trust, learned, skin.chart, skin.model.topology)


def _one(
    skin: Skin,
    window: Window,
    laid: Laid,
    prior: FloatArray,
    soften: float,
    grain: torch.Generator,
    found: Refinement | None,
    eyes: Eyes | None,
) -> tuple[One, ByteArray, ByteArray]:
    albedo = complete_albedo(laid.seen, prior, skin.chart, skin.ground, skin.symmetric)
    if not np.isfinite(albedo).all():
        raise NumericalError("the texture is not finite; the fit's light or camera does not make sense")
    if eyes is not None:
        albedo = with_eyes(albedo, 1 - laid.seen.trust, eyes, skin.ground, None if soften > 0 else grain)
    pictured = albedo
    if found is not None:
        pictured = expected(albedo, found) if soften > 0 else varied(toned(albedo, found), found, grain)
        albedo = toned(albedo, found) if soften > 0 else pictured
    elif soften > 0:
        pictured = _expected(skin, albedo, laid.shade, laid.seen.trust)
    patch, face_pixels = _picture(skin, window, laid, pictured, soften, grain)
    texture = _bytes(albedo * skin.exposure)
    return One(laid.seen.trust, face_pixels), patch, texture


def _picture(
    skin: Skin,
    window: Window,
    laid: Laid,
    albedo: FloatArray,
    soften: float,
    grain: torch.Generator,
) -> tuple[ByteArray, int]:
    """The completed window (h, w, 3) uint8, and how many of its pixels show invented face."""
    model, scene = skin.model, window.scene
    parts = skin_attributes(model), laid.reached
    layer = render_layer(laid.vertices, model.topology, albedo, skin.light, scene.camera, *parts)
    alike = np.abs(linear_to_srgb(np.clip(layer.colour, 0, 1)) - scene.spots).max(-1) < ALIKE
    plain = (alike & (layer.extra[..., PLAIN] > 0.6)).astype(np.uint8)
    plain = np.asarray(
        cv2.resize(plain, window.hidden.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8
    )
    picture, share = enlarge(window, *blend(scene, layer, soften))
    width = scene.face_width / window.scale
    picture = add_grain(picture, (plain > 0) & ~window.hidden, share, width, grain)
    return replaced(window, picture), int(np.count_nonzero(share > 0.5))


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


def _stats(done: list[One], known: dict[str, float], hidden: BoolArray) -> str:
    """JSON: what was seen, and how much each completion shows."""
    figures = {
        **known,
        "hidden_pixels": int(hidden.sum()),
        "mask_on_face": any(one.face_pixels for one in done),
        "completions": [{"face_pixels": one.face_pixels} for one in done],
    }
    return json.dumps(figures)


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
