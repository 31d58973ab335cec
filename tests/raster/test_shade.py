"""Spherical harmonics, Lambert's law, foreign orders, and the sRGB curve."""

import math

import numpy as np
import pytest
import torch

from facekit.raster.shade import (
    light_from_3dfacefill,
    light_from_deca,
    light_from_deep3dface,
    linear_to_srgb,
    sh_basis,
    shade,
    srgb_to_linear,
)

RNG = np.random.default_rng(0)
GAMMA = RNG.normal(size=(9, 3))


def directions(count=200):
    n = np.random.default_rng(1).normal(size=(count, 3))
    return n / np.linalg.norm(n, axis=1, keepdims=True)


def quadrature(n=40):
    """Directions and weights that integrate polynomials over the sphere exactly up to degree 2 n - 1."""
    z, w = np.polynomial.legendre.leggauss(n)
    phi = np.arange(2 * n) * math.pi / n
    r = np.sqrt(1 - z**2)[:, None]
    points = np.stack([r * np.cos(phi), r * np.sin(phi), np.broadcast_to(z[:, None], (n, 2 * n))], -1)
    return points.reshape(-1, 3), np.repeat(w * math.pi / n, 2 * n)


def test_the_basis_is_orthonormal():
    points, weights = quadrature()
    Y = sh_basis(points)
    np.testing.assert_allclose(Y.T @ (Y * weights[:, None]), np.eye(9), atol=1e-12)


def test_the_order_and_signs():
    x, y, z = np.eye(3)
    Y = sh_basis(np.stack([x, y, z]))
    assert (Y[:, 0] > 0).all()
    assert [int(Y[1, 1] > 0), int(Y[2, 2] > 0), int(Y[0, 3] > 0)] == [1, 1, 1]
    assert Y[2, 6] > 0 > Y[0, 6]
    assert Y[0, 8] > 0 > Y[1, 8]
    diagonal = sh_basis(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]]) / math.sqrt(2))
    assert (np.array([diagonal[0, 4], diagonal[1, 5], diagonal[2, 7]]) > 0.5).all()


def test_shading_is_lamberts_integral():
    """(1 / pi) times the integral of light * max(0, n . w), for light that the nine functions can hold."""
    points, weights = quadrature(200)
    n = directions(10)
    radiance = sh_basis(points) @ GAMMA
    cosine = np.maximum(points @ n.T, 0) * weights[:, None]
    np.testing.assert_allclose(shade(n, GAMMA), cosine.T @ radiance / math.pi, atol=1e-4)


def test_numpy_is_torch():
    n = directions()
    for k, dtype in ((np.float32, torch.float32), (np.float64, torch.float64)):
        found = shade(torch.tensor(n, dtype=dtype), torch.tensor(GAMMA, dtype=dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, shade(n.astype(k), GAMMA.astype(k)), rtol=1e-4, atol=1e-5)


def deca(n):
    """add_SHlight of DECA and Diverse3DFace, written from its paper and constants (conventions D.2)."""
    x, y, z = n.T
    pi = math.pi
    c1, c2 = 2 * pi / 3 * math.sqrt(3 / (4 * pi)), pi / 4 * 3 * math.sqrt(5 / (12 * pi))
    terms = [
        np.ones_like(x) / math.sqrt(4 * pi),
        c1 * x,
        c1 * y,
        c1 * z,
        c2 * x * y,
        c2 * x * z,
        c2 * y * z,
        pi / 4 * 1.5 * math.sqrt(5 / (12 * pi)) * (x**2 - y**2),
        pi / 4 * 0.5 * math.sqrt(5 / (4 * pi)) * (3 * z**2 - 1),
    ]
    return np.stack(terms, 1)


def test_light_from_deca():
    n = directions()
    np.testing.assert_allclose(shade(n, light_from_deca(GAMMA)), deca(n) @ GAMMA, atol=2e-6)


def test_light_from_3dfacefill():
    n = directions()
    terms = deca(n)[:, [0, 3, 2, 1, 8, 6, 5, 4, 7]]
    np.testing.assert_allclose(shade(n, light_from_3dfacefill(GAMMA)), terms @ GAMMA, atol=2e-6)


def test_light_from_deep3dface():
    n = directions()
    x, y, z = n.T
    a1, a2 = 2 * math.pi / math.sqrt(3), 2 * math.pi / math.sqrt(8)
    c0, c1, c2 = (k / math.sqrt(m * math.pi) for k, m in ((1, 4), (math.sqrt(3), 4), (3 * math.sqrt(5), 12)))
    first, second = a1 * c1, a2 * c2
    terms = [
        math.pi * c0 * np.ones_like(x),
        -first * y,
        first * z,
        -first * x,
        second * x * y,
        -second * y * z,
        0.5 * second / math.sqrt(3) * (3 * z**2 - 1),
        -second * x * z,
        0.5 * second * (x**2 - y**2),
    ]
    truth = np.stack(terms, 1) @ (GAMMA + 0.8 * np.eye(9)[:, :1])
    found = light_from_deep3dface(GAMMA.T.reshape(27))  # channel-major
    np.testing.assert_allclose(shade(n, found), truth, atol=5e-6)


def test_a_confused_order_is_seen():
    n = directions()
    wrong = shade(n, light_from_3dfacefill(GAMMA))
    assert np.abs(wrong - deca(n) @ GAMMA).max() > 0.1


def test_srgb_known_values():
    known = {0.0: 0.0, 1.0: 1.0, 0.5: 0.21404114, 0.04045: 0.0031308, 0.2: 0.03310477}
    for encoded, linear in known.items():
        assert srgb_to_linear(np.array(encoded)) == pytest.approx(linear, abs=1e-7)
        assert linear_to_srgb(np.array(linear)) == pytest.approx(encoded, abs=1e-6)


def test_srgb_round_trip_is_exact_on_bytes():
    byte = np.arange(256)
    for dtype in (np.float32, np.float64):
        back = linear_to_srgb(srgb_to_linear((byte / 255).astype(dtype)))
        np.testing.assert_array_equal(np.rint(back * 255), byte)


@pytest.mark.parametrize("curve", [srgb_to_linear, linear_to_srgb])
def test_srgb_gradients_are_finite(curve):
    c = torch.tensor([0.0, 1e-9, 0.003, 0.02, 0.5, 1.0], dtype=torch.float64, requires_grad=True)
    curve(c).sum().backward()
    assert c.grad.isfinite().all()
    assert (c.grad > 0).all()
    np.testing.assert_allclose(curve(c.detach()), curve(c.detach().numpy()))
