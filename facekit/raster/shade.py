"""Lambert shading by nine real spherical harmonics, and the sRGB curve; NumPy and torch alike.

Order and factors are those of records.Light. Three other orders are in use; one converter each brings them
here.
"""

from __future__ import annotations

import math

import numpy as np

from facekit.geometry.arrays import Array, namespace
from facekit.records import FloatArray

LAMBERT = (1.0,) + (2.0 / 3.0,) * 3 + (0.25,) * 5  # (pi, 2 pi / 3, pi / 4) / pi for l = 0, 1, 2

Y0 = 0.5 / math.sqrt(math.pi)
Y1 = math.sqrt(3.0 / (4.0 * math.pi))
Y2 = 0.5 * math.sqrt(15.0 / math.pi)  # xy, yz, xz
Y20 = 0.25 * math.sqrt(5.0 / math.pi)  # 3 z^2 - 1
Y22 = 0.25 * math.sqrt(15.0 / math.pi)  # x^2 - y^2


def sh_basis(n: Array) -> Array:
    """Real spherical harmonics (..., 9) of unit vectors (..., 3), in records.SH_ORDER."""
    xp = namespace(n)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    terms = [
        Y0 * xp.ones_like(x),
        Y1 * y,
        Y1 * z,
        Y1 * x,
        Y2 * x * y,
        Y2 * y * z,
        Y20 * (3 * z * z - 1),
        Y2 * x * z,
        Y22 * (x * x - y * y),
    ]
    return xp.stack(terms, -1)


def shade(normals: Array, sh: Array) -> Array:
    """Light from a white Lambert surface, linear RGB (..., N, 3), for normals (..., N, 3) and sh (..., 9, 3).

    Multiply by the linear albedo for the colour. Not clipped: a sum of nine terms can go below zero.
    """
    if isinstance(sh, np.ndarray):
        factors = np.asarray(LAMBERT, sh.dtype)[:, None]
    else:
        factors = sh.new_tensor(LAMBERT)[:, None]
    return sh_basis(normals) @ (factors * sh)


def srgb_to_linear(c: Array) -> Array:
    """sRGB 0..1 (IEC 61966-2-1) to linear; the gradient is finite everywhere."""
    xp = namespace(c)
    dark = c <= 0.04045
    curve = ((xp.where(dark, xp.full_like(c, 0.5), c) + 0.055) / 1.055) ** 2.4
    return xp.where(dark, c / 12.92, curve)


def linear_to_srgb(c: Array) -> Array:
    """Linear 0..1 to sRGB (IEC 61966-2-1); the gradient is finite everywhere."""
    xp = namespace(c)
    dark = c <= 0.0031308
    curve = 1.055 * xp.where(dark, xp.full_like(c, 0.5), c) ** (1 / 2.4) - 0.055
    return xp.where(dark, 12.92 * c, curve)


def light_from_deca(gamma: FloatArray) -> FloatArray:
    """sh (9, 3) of DECA's and Diverse3DFace's light (9, 3): 1, x, y, z, xy, xz, yz, x2-y2, 3z2-1.

    Their constants hold the Lambert factors, without pi in the first term (``add_SHlight``).
    """
    return _convert(gamma, _DECA_ORDER, _DECA_CONSTANTS)


def light_from_3dfacefill(gamma: FloatArray) -> FloatArray:
    """sh (9, 3) of 3DFaceFill's light (9, 3): 1, z, y, x, 2z2-x2-y2, yz, xz, xy, x2-y2, constants as DECA."""
    constants = [dict(zip(_DECA_ORDER, _DECA_CONSTANTS, strict=True))[k] for k in _FACEFILL_ORDER]
    return _convert(gamma, _FACEFILL_ORDER, constants)


def light_from_deep3dface(gamma: FloatArray) -> FloatArray:
    """sh (9, 3) of Deep3DFace's and PIRender's coefficients (27,) or (3, 9), channel-major.

    Order 1, -y, z, -x, xy, -yz, 3z2-1, -xz, x2-y2; 0.8 belongs to the constant term and is added here.
    """
    values = np.asarray(gamma, np.float64).reshape(3, 9).T.copy()
    values[0] += 0.8
    return _convert(values, _DEEP3D_ORDER, _DEEP3D_CONSTANTS)


_TERMS = ("1", "y", "z", "x", "xy", "yz", "3z2-1", "xz", "x2-y2")  # the polynomials of records.SH_ORDER
_SCALES = (Y0, Y1, Y1, Y1, Y2, Y2, Y20, Y2, Y22)

_DECA_ORDER = ("1", "x", "y", "z", "xy", "xz", "yz", "x2-y2", "3z2-1")
_FACEFILL_ORDER = ("1", "z", "y", "x", "3z2-1", "yz", "xz", "xy", "x2-y2")  # 2z2-x2-y2 = 3z2-1 on the sphere
_DEEP3D_ORDER = ("1", "y", "z", "x", "xy", "yz", "3z2-1", "xz", "x2-y2")

_ROOT_5_12 = math.sqrt(5.0 / (12.0 * math.pi))
_DECA_CONSTANTS = (
    1 / math.sqrt(4 * math.pi),
    *[2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi))] * 3,
    *[math.pi / 4 * 3 * _ROOT_5_12] * 3,
    math.pi / 4 * 1.5 * _ROOT_5_12,
    math.pi / 4 * 0.5 * math.sqrt(5 / (4 * math.pi)),
)

_A1, _A2 = 2 * math.pi / math.sqrt(3), 2 * math.pi / math.sqrt(8)
_C1, _C2 = math.sqrt(3) / math.sqrt(4 * math.pi), 3 * math.sqrt(5) / math.sqrt(12 * math.pi)
_DEEP3D_CONSTANTS = (
    math.pi / math.sqrt(4 * math.pi),
    -_A1 * _C1,
    _A1 * _C1,
    -_A1 * _C1,
    _A2 * _C2,
    -_A2 * _C2,
    0.5 * _A2 * _C2 / math.sqrt(3),
    -_A2 * _C2,
    0.5 * _A2 * _C2,
)


def _convert(
    gamma: FloatArray, order: tuple[str, ...], constants: tuple[float, ...] | list[float]
) -> FloatArray:
    """sum_k gamma_k c_k f_k(n) = sum_k A_k sh_k Y_k(n), term by term."""
    sh = np.zeros((9, 3))
    for row, term, constant in zip(np.asarray(gamma, np.float64), order, constants, strict=True):
        k = _TERMS.index(term)
        sh[k] = row * constant / (LAMBERT[k] * _SCALES[k])
    return sh.astype(np.float32)
