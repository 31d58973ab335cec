"""From some thousand painted people to a linear albedo model: principal components of the symmetric and the
antisymmetric halves of their maps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facekit.morphable.albedo import AlbedoModel
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS
from facekit.records import BoolArray, FloatArray
from facekit.synthetic.atlas import Atlas, atlas_of
from facekit.synthetic.chance import numpy_generator
from facekit.synthetic.skin import paint, sample_look

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

# how much an error on a texel counts: eyes are small in the chart and looked at, the mouth and the back of
# the head are not
IMPORTANCE = {"skin": 1.0, "left_eye": 2.0, "right_eye": 2.0, "mouth": 0.15, "teeth": 0.15, "socket": 0.15}


def sample_maps(
    model: FaceModel,
    generator: torch.Generator,
    count: int,
    size: int,
    tick: Callable[[], object] = lambda: None,
) -> FloatArray:
    """``count`` albedo maps (count, T, T, 3) float16 of random people, without moles and freckles."""
    rng = numpy_generator(generator)
    atlas = atlas_of(model, size)
    maps = np.zeros((count, size, size, 3), np.float16)
    for row in range(count):
        look = replace(sample_look(rng), moles=0, freckles=0.0)
        maps[row] = paint(atlas, look)
        tick()
    return maps


def importance(atlas: Atlas) -> FloatArray:
    """Weight (T, T) float32 of each texel in the principal components."""
    table = np.array([IMPORTANCE.get(name, 1.0) for name in PARTS], np.float32)
    back = np.where(atlas.position[:, 2] < -75.0, 0.35, 1.0)
    front = 1.0 + 0.8 * (
        (np.abs(atlas.position[:, 0]) < 60) & (atlas.position[:, 1] < 40) & (atlas.position[:, 2] > -40)
    )
    return atlas.image((table[atlas.part] * back * front)[:, None].astype(np.float32))[..., 0]


def fit_albedo(
    maps: FloatArray, mask: BoolArray, weight: FloatArray, count: int
) -> tuple[AlbedoModel, float]:
    """An albedo model of ``count`` modes from maps (N, T, T, 3), and the share of weighted variance it
    explains.

    Each map and its mirror image count, so that the mean is symmetric and every mode is symmetric or
    antisymmetric. mask (T, T) must be symmetric; weight (T, T).
    """
    half = maps.shape[2] // 2
    left = mask[:, :half]
    root = np.sqrt(np.maximum(weight + weight[:, ::-1], 1e-4)[:, :half][left] / 2)[:, None]
    here, there = maps[:, :, :half][:, left], maps[:, :, ::-1][:, :, :half][:, left]
    mean = (here.astype(np.float32).mean(axis=0) + there.astype(np.float32).mean(axis=0)) / 2
    modes, variances, total = [], [], 0.0
    for parity in (1.0, -1.0):
        data = (here.astype(np.float32) + parity * there.astype(np.float32)) / 2
        if parity > 0:
            data -= mean
        data = (data * root).reshape(len(maps), -1)
        values, vectors = np.linalg.eigh((data @ data.T).astype(np.float64) / len(maps))
        order = np.argsort(values)[::-1][:count]
        keep = order[values[order] > 1e-9 * values[order[0]]] if values[order[0]] > 0 else order[:0]
        axes = (vectors[:, keep].T.astype(np.float32) @ data) / np.sqrt(len(maps) * values[keep])[
            :, None
        ].astype(np.float32)
        scale = np.sqrt(values[keep]).astype(np.float32)
        modes += [
            (parity, value, mode) for value, mode in zip(values[keep], axes * scale[:, None], strict=True)
        ]
        variances.append(values.sum())
        total += float(values.sum())
    modes.sort(key=lambda entry: -entry[1])
    basis = np.zeros((min(count, len(modes)), *maps.shape[1:]), np.float32)
    for row, (parity, _, mode) in enumerate(modes[:count]):
        basis[row][:, :half][left] = mode.reshape(-1, 3) / root
        basis[row][:, half:] = parity * basis[row][:, :half][:, ::-1]
    whole = np.zeros(maps.shape[1:], np.float32)
    whole[:, :half][left] = mean
    whole[:, half:] = whole[:, :half][:, ::-1]
    explained = sum(entry[1] for entry in modes[:count]) / total
    return AlbedoModel(whole, basis, mask, _residual(maps, whole, basis, mask)), float(explained)


def _residual(maps: FloatArray, mean: FloatArray, basis: FloatArray, mask: BoolArray) -> FloatArray:
    """Standard deviation (T, T) of what the modes leave out, over all channels, symmetric."""
    variance = maps[:, mask].astype(np.float32).var(axis=0).mean(axis=-1) - np.square(basis[:, mask]).sum(
        axis=0
    ).mean(axis=-1)
    out = np.zeros(mask.shape, np.float32)
    out[mask] = np.maximum(variance, 1e-8)
    return np.sqrt((out + out[:, ::-1]) / 2)


def build_albedo(
    model: FaceModel,
    generator: torch.Generator,
    *,
    size: int = 256,
    people: int = 2000,
    modes: int = 60,
    tick: Callable[[], object] = lambda: None,
) -> tuple[AlbedoModel, float]:
    """The albedo prior of a face model whose chart is symmetric, and the share of variance it explains."""
    maps = sample_maps(model, generator, people, size, tick)
    atlas = atlas_of(model, size)
    mask = atlas.covered & atlas.covered[:, ::-1]
    return fit_albedo(maps, mask, importance(atlas), modes)
