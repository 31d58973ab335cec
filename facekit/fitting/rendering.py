"""The colours that a fitted face shows against those of the photo, and how they change (Eq. 12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.fitting.appearance import slope_of_srgb
from facekit.fitting.lookup import smooth_lookup
from facekit.fitting.problem import POSE
from facekit.fitting.skin_pixels import SkinGrid
from facekit.fitting.surface import Surface
from facekit.fitting.view import View
from facekit.raster.shade import LAMBERT, Y1, Y2, Y20, Y22, linear_to_srgb, sh_basis
from facekit.records import BoolArray, Camera

Array = NDArray[np.float64]
Single = NDArray[np.float32]

LIGHT = 27  # numbers of a light


@dataclass(frozen=True)
class Look:
    """All that decides how the face looks in the photo: P = 7 + K + 27 + A numbers."""

    view: View
    code: Array  # (K,)
    sh: Array  # (9, 3)
    albedo: Array  # (A,)

    def moved(self, step: Array) -> Look:
        """After a step (P,): of the view as View.moved, and added to the others."""
        k = POSE + len(self.code)
        return Look(
            self.view.moved(step[:POSE]),
            self.code + step[POSE:k],
            self.sh + step[k : k + LIGHT].reshape(9, 3),
            self.albedo + step[k + LIGHT :],
        )


@dataclass(frozen=True)
class Picture:
    """The window of the photo as sRGB, and where its pixels lie in the photo."""

    colours: Single  # (h, w, 3) sRGB 0..1; zero where hidden
    usable: BoolArray  # (h, w)
    scale: Array  # (2,) pixels of the window per pixel of the photo
    shift: Array  # (2,) px of the window

    @staticmethod
    def of(grid: SkinGrid, camera: Camera) -> Picture:
        """The picture of a grid that was cut from the photo of ``camera``."""
        window = grid.window
        inner, outer = window.camera.K, camera.K
        scale = np.array([inner[0, 0] / outer[0, 0], inner[1, 1] / outer[1, 1]])
        colours = linear_to_srgb(np.clip(window.linear, 0, 1)).astype(np.float32)
        colours[window.hidden] = 0.0
        return Picture(colours, ~window.hidden, scale, inner[:2, 2] - scale * outer[:2, 2])


@dataclass(frozen=True)
class Comparison:
    """Photo minus rendering at M surface points, sRGB."""

    residual: Array  # (M, 3); zero where not valid
    valid: BoolArray  # (M,)
    slopes: Array  # (M, 3, 2) of the photo by pixels of the photo
    places: Array  # (M, 3) m
    normals: Array  # (M, 3)
    albedo: Array  # (M, 3)
    light: Array  # (M, 3)

    @staticmethod
    def of(picture: Picture, surface: Surface, look: Look) -> Comparison:
        """For one look. Hidden pixels and those outside the photo are never read."""
        places, normals = surface.places(look.code), surface.normals(look.code)
        where = look.view.project(places) * picture.scale + picture.shift
        seen, slopes, valid = smooth_lookup(picture.colours, picture.usable, where)
        light = (sh_basis(normals) * np.asarray(LAMBERT)) @ look.sh
        count = len(look.albedo)
        modes = surface.grid.modes.reshape(count, -1)
        albedo = surface.grid.albedo + (look.albedo.astype(modes.dtype) @ modes).reshape(-1, 3)
        drawn = linear_to_srgb(np.maximum(albedo * light, 0.0))
        residual = (seen - drawn) * valid[:, None]
        return Comparison(residual, valid, slopes * picture.scale, places, normals, albedo, light)

    def jacobian(self, surface: Surface, look: Look) -> Single:
        """(M, 3, P) slopes of the residual; zero where not valid.

        The image gradient times the projected modes, minus the shading times the turning of the normals, and
        light and albedo. How normals turn with the code is taken from the surface's origin.
        """
        gain = slope_of_srgb(self.albedo * self.light) * self.valid[:, None]
        moved = (self.slopes * self.valid[:, None, None]).astype(np.float32)
        pose, local = look.view.jacobian(self.places)
        k, a = POSE + len(look.code), POSE + len(look.code) + LIGHT
        out = np.zeros((len(gain), 3, a + len(look.albedo)), np.float32)
        out[:, :, :POSE] = moved @ pose.astype(np.float32)
        lever = np.zeros((len(gain), 3, 6), np.float32)
        lever[:, :, :3] = moved @ local.astype(np.float32)
        shaded = np.einsum("mkc,kq->mqc", harmonic_slopes(self.normals), look.sh)
        lever[:, :, 3:] = -(gain * self.albedo)[..., None] * shaded
        np.matmul(lever, surface.modes, out=out[:, :, POSE:k])
        harmonics = sh_basis(self.normals) * np.asarray(LAMBERT)
        lit = (gain * self.albedo).astype(np.float32)
        for channel in range(3):
            out[:, channel, k + channel : a : 3] = -lit[:, channel, None] * harmonics
        np.multiply(
            surface.grid.modes.transpose(1, 2, 0),
            -(gain * self.light).astype(np.float32)[..., None],
            out=out[:, :, a:],
            casting="same_kind",
        )
        return out


def harmonic_slopes(n: Array) -> Array:
    """Derivatives (M, 9, 3) of the Lambert-weighted harmonics of records.SH_ORDER by the normals (M, 3)."""
    x, y, z = n.T
    out = np.zeros((len(n), 9, 3))
    out[:, 1, 1] = out[:, 2, 2] = out[:, 3, 0] = Y1
    out[:, 4, 0], out[:, 4, 1] = Y2 * y, Y2 * x
    out[:, 5, 1], out[:, 5, 2] = Y2 * z, Y2 * y
    out[:, 6, 2] = 6 * Y20 * z
    out[:, 7, 0], out[:, 7, 2] = Y2 * z, Y2 * x
    out[:, 8, 0], out[:, 8, 1] = 2 * Y22 * x, -2 * Y22 * y
    weighted: Array = out * np.asarray(LAMBERT)[:, None]
    return weighted
