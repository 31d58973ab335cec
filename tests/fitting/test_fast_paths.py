"""What is computed without the large array gives what the large array gives."""

from __future__ import annotations

import numpy as np
from invented_faces import code, face_model, plain, view

from facekit.fitting.appearance import _jacobian
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.problem import Slopes, State
from facekit.fitting.skin_pixels import bilinear


def test_pull_is_the_jacobian_transposed_times_the_force() -> None:
    shape, rng = landmark_model(face_model(), "ibug68"), np.random.default_rng(0)
    slopes = Slopes.at(State.at(plain(np.zeros((68, 2)), shape, 1.0), view(), code(), np.zeros(0)))
    force, scale = rng.standard_normal(136), rng.uniform(0.5, 2.0, 136)
    jacobian = np.zeros((136, 7 + shape.size), np.float32)
    slopes.fill_jacobian(shape.modes.astype(np.float32), scale, jacobian)
    largest = np.abs(jacobian).max()
    np.testing.assert_allclose(
        slopes.pull(shape, scale * force) / largest, jacobian.T @ force / largest, atol=1e-4
    )


def test_texture_look_up_is_the_weighted_mean_of_four_texels() -> None:
    rng = np.random.default_rng(1)
    textures, uv = rng.random((3, 8, 8, 3)), rng.uniform(0.1, 0.9, (50, 2))
    found = bilinear(textures, uv)
    for m, (u, v) in enumerate(uv):
        x, y = u * 8 - 0.5, (1 - v) * 8 - 0.5
        c, r = int(x), int(y)
        dx, dy = x - c, y - r
        top = (1 - dx) * textures[:, r, c] + dx * textures[:, r, c + 1]
        bottom = (1 - dx) * textures[:, r + 1, c] + dx * textures[:, r + 1, c + 1]
        np.testing.assert_allclose(found[:, m], (1 - dy) * top + dy * bottom, rtol=1e-9)


def test_slopes_of_colours_are_the_plain_differences() -> None:
    rng = np.random.default_rng(2)
    harmonics, albedo, sh = rng.random((20, 9)), rng.random((20, 3)), rng.random((9, 3))
    modes, weights = rng.random((4, 20, 3)), rng.random(4)

    def colour(x: np.ndarray) -> np.ndarray:
        return ((albedo + np.tensordot(x[27:], modes, 1)) * (harmonics @ x[:27].reshape(9, 3))).ravel()

    out = np.zeros((31, 60), np.float32)
    here = albedo + np.tensordot(weights, modes, 1)
    _jacobian(harmonics, here, modes.reshape(4, 60).astype(np.float32), harmonics @ sh, out)
    x, step = np.r_[sh.ravel(), weights], 1e-4 * np.eye(31)
    plain = [(colour(x + s) - colour(x - s)) / 2e-4 for s in step]
    np.testing.assert_allclose(out, plain, atol=1e-5)
