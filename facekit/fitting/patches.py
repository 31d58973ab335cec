"""What the photo looks like around points of a fitted face: small pictures on the tangent planes, and their
features.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.fitting.view import View
from facekit.records import BoolArray, ByteArray

Array = NDArray[np.float64]

SIDE = 16  # samples a side
STEPS = (0.0022, 0.0011)  # m between samples: patches of 35 and 18 mm
CELLS, BINS = 4, 8
FACING = 0.3  # least cosine between normal and line of sight
MOST_HIDDEN = 0.04  # share of a patch


@dataclass(frozen=True)
class Patches:
    """Features of P points; rows of points that cannot be used are zero and not ``usable``."""

    features: Array  # (P, D)
    usable: BoolArray  # (P,)
    places: Array  # (P, 2) px, where the fit puts the points
    frames: Array  # (P, 2, 2) px per metre along the tangents (columns)


def tangents(normals: Array) -> Array:
    """(P, 3, 2) unit tangents of unit normals (P, 3): to the subject's left, and up."""
    up = np.array([0.0, 1.0, 0.0]) - normals * normals[:, 1:2]
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    return np.stack([np.cross(up, normals), up], axis=2)


def cut_patches(
    photo: ByteArray, hidden: BoolArray | None, view: View, points: Array, normals: Array
) -> Patches:
    """Patches of ``photo`` (H, W, 3) around ``points`` (P, 3) m with ``normals`` (P, 3), as ``view`` sees
    them.

    ``photo`` is first made small enough that the finest sample is about a pixel.
    """
    places = view.project(points)
    frames = view.jacobian(points)[1] @ tangents(normals)
    sight = view.rotation.T @ (-view.translation()) - points
    facing = (normals * sight).sum(1) / np.linalg.norm(sight, axis=1)
    ruler = np.arange(SIDE) - (SIDE - 1) / 2
    grid = np.stack(np.meshgrid(ruler, -ruler), -1).reshape(-1, 2)  # rows go down the face
    shrink = min(1.0, 1.0 / max(view.scale * STEPS[1], 1e-6))
    small = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    picture = cv2.GaussianBlur(small, (0, 0), 0.7).astype(np.float32) / 255
    parts, usable = [], facing > FACING
    for step in STEPS:
        where = places[:, None] + (grid * step) @ frames.transpose(0, 2, 1)
        samples = _sample(picture, where * shrink).reshape(len(points), SIDE, SIDE, 3)
        parts.append(describe(samples))
        usable &= _inside(where, photo.shape)
        if hidden is not None and hidden.any():
            share = _sample(hidden.astype(np.float32), where).reshape(len(points), -1).mean(1)
            usable &= share < MOST_HIDDEN
    features = np.concatenate(parts, axis=1) * usable[:, None]
    return Patches(features, usable, places, frames)


def _sample(picture: NDArray[np.float32], where: Array) -> NDArray[np.float32]:
    """Bilinear samples (P, M[, C]) at pixels ``where`` (P, M, 2)."""
    xy = (where - 0.5).astype(np.float32)
    x, y = np.ascontiguousarray(xy[..., 0]), np.ascontiguousarray(xy[..., 1])
    out: NDArray[np.float32] = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out


def _inside(where: Array, shape: tuple[int, ...]) -> BoolArray:
    """(P,) at least nine tenths of the samples are in the picture."""
    x, y = where[..., 0], where[..., 1]
    return ((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])).mean(1) > 0.9


def describe(samples: NDArray[np.float32]) -> Array:
    """Features (P, D) of small pictures (P, 16, 16, 3): gradients by direction in 4×4 cells, brightness and
    redness.

    All parts are free of the picture's gain and offset.
    """
    count, side = len(samples), samples.shape[1]
    grey = samples @ np.array([0.3, 0.59, 0.11], np.float32)
    gy, gx = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(gx, gy)
    turn = (np.arctan2(gy, gx) / (2 * np.pi) * BINS) % BINS
    low = turn.astype(int) % BINS
    share = turn - np.floor(turn)
    bins = np.zeros((*grey.shape, BINS), np.float32)
    np.put_along_axis(bins, low[..., None], (strength * (1 - share))[..., None], 3)
    np.put_along_axis(bins, ((low + 1) % BINS)[..., None], (strength * share)[..., None], 3)
    cell = side // CELLS
    cells = bins.reshape(count, CELLS, cell, CELLS, cell, BINS).sum((2, 4)).reshape(count, -1)
    cells = np.sqrt(cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 0.05))
    coarse = samples.reshape(count, side // 2, 2, side // 2, 2, 3).mean((2, 4))
    light = _standard(coarse @ np.array([0.3, 0.59, 0.11], np.float32))
    red = _standard(np.log((coarse[..., 0] + 0.05) / (coarse[..., 1] + 0.05)))
    return np.concatenate([cells, 0.15 * light, 0.15 * red], axis=1).astype(np.float64)


def _standard(values: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = values.reshape(len(values), -1)
    flat = flat - flat.mean(1, keepdims=True)
    out: NDArray[np.float32] = flat / (flat.std(1, keepdims=True) + 0.02)
    return out
