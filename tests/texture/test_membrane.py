"""The membrane solver against a dense solve, and its borders."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.records import BoolArray, FloatArray
from facekit.texture import membrane as module
from facekit.texture.membrane import membrane


def dense(free: BoolArray, data: FloatArray, trust: FloatArray, screen: float, aim: FloatArray) -> FloatArray:
    """The normal equations written out pixel by pixel."""
    pixels = [tuple(p) for p in np.argwhere(free)]
    index = {p: i for i, p in enumerate(pixels)}
    matrix = np.zeros((len(pixels), len(pixels)))
    right = np.zeros((len(pixels), data.shape[2]))
    for (y, x), i in index.items():
        matrix[i, i] += screen
        right[i] += screen * aim[y, x]
        for q in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if q in index:
                matrix[i, i] += 1
                matrix[i, index[q]] -= 1
            elif 0 <= q[0] < free.shape[0] and 0 <= q[1] < free.shape[1]:
                matrix[i, i] += trust[q]
                right[i] += trust[q] * data[q]
    field = data.copy()
    field[free] = np.linalg.solve(matrix, right)
    return field


@pytest.fixture
def problem() -> tuple[BoolArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(3)
    free = np.zeros((17, 20), bool)
    free[2:12, 3:17] = rng.random((10, 14)) > 0.15
    free[0, 5:9] = True  # at the border of the picture
    return free, rng.random((17, 20, 2)), rng.random((17, 20))


@pytest.mark.parametrize("screen", [0.0, 0.05])
def test_agrees_with_a_dense_solve(problem: tuple[BoolArray, FloatArray, FloatArray], screen: float) -> None:
    free, data, trust = problem
    aim = np.full_like(data, 0.3)
    expected = dense(free, data, trust, screen, aim)
    assert np.abs(membrane(free, data, trust, screen, towards=aim) - expected).max() < 1e-5
    assert np.abs(membrane(free, data, trust**2, screen, towards=aim) - expected).max() > 1e-3  # must differ


def test_reproduces_a_harmonic_function() -> None:
    y, x = np.mgrid[:40, :50].astype(np.float64)
    truth = (0.3 * x - 0.2 * y + 0.01 * (x * x - y * y))[..., None]
    free = (x - 25) ** 2 + (y - 20) ** 2 < 15**2
    field = membrane(free, np.where(free[..., None], -99, truth), np.ones(free.shape))
    assert np.abs(field - truth).max() < 1e-3


def test_an_unheld_patch_goes_where_it_is_told() -> None:
    free = np.zeros((8, 8), bool)
    free[2:5, 2:5] = True
    aim = np.full((8, 8, 1), 0.7)
    assert np.allclose(
        membrane(free, np.zeros((8, 8, 1)), np.zeros((8, 8)), towards=aim)[free], 0.7, atol=1e-5
    )


def test_large_problems_are_close_to_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.mgrid[:90, :110].astype(np.float64)
    free = ((x - 50) / 45) ** 2 + ((y - 45) / 35) ** 2 < 1
    data = np.stack([np.sin(x / 17) + y / 60, np.ones_like(x)], 2)
    trust = np.where(x > 40, 1.0, 0.0)
    exact = membrane(free, data, trust)
    monkeypatch.setattr(module, "DIRECT", 2000)
    rough = membrane(free, data, trust)
    assert np.abs(rough - exact)[..., 0].max() < 0.05  # of an amplitude of 2
    assert np.abs(rough - exact)[..., 1].max() < 1e-5  # constants are kept
