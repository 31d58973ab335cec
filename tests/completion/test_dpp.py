"""Laws of the determinantal point process, against enumeration and finite differences."""

from itertools import combinations

import numpy as np
import pytest

from facekit.completion import dpp

RNG = np.random.default_rng(3)


def shapes(n=5, m=7):
    return RNG.normal(size=(n, m, 3))


def some_kernel(n=5):
    return dpp.kernel(dpp.similarity(dpp.distances(shapes(n))), RNG.uniform(0.3, 1.0, n))


def expected_cardinality(L):
    """Sum of |Y| det(L_Y) over all subsets, over the sum of det(L_Y)."""
    total = weighted = 0.0
    for size in range(len(L) + 1):
        for subset in combinations(range(len(L)), size):
            det = np.linalg.det(L[np.ix_(subset, subset)]) if size else 1.0
            total, weighted = total + det, weighted + size * det
    return weighted / total


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 40])
def test_median_of_odd_and_even_numbers_of_pairs(n):
    d = dpp.distances(shapes(n))
    assert dpp.median_distance(d) == np.median(d[np.triu_indices(n, 1)])


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_loss_is_minus_the_expected_cardinality(n):
    L = some_kernel(n)
    assert dpp.loss(L) == pytest.approx(-expected_cardinality(L), rel=1e-9)
    assert -n < dpp.loss(L) < 0


def test_column_scaling_is_not_the_kernel():
    """The released code scales columns by q^2; the trace differs little, symmetry is lost: keep q_i S_ij
    q_j.
    """
    S, q = dpp.similarity(dpp.distances(shapes())), RNG.uniform(0.2, 1, 5)
    L = dpp.kernel(S, q)
    np.testing.assert_allclose(L, L.T, atol=1e-15)
    assert np.linalg.eigvalsh(L).min() > 0
    columns = q[None] ** 2 * S
    assert not np.allclose(columns, columns.T)


def test_distances_and_median_equal_the_plain_loop():
    x = shapes(6)
    d = dpp.distances(x)
    pairs = []
    for i in range(6):
        for j in range(6):
            assert d[i, j] == pytest.approx(np.sqrt(((x[i] - x[j]) ** 2).sum()))
            if i < j:
                pairs.append(d[i, j])
    assert dpp.median_distance(d) == pytest.approx(np.median(pairs))


def test_similarity_as_printed():
    d = dpp.distances(shapes())
    S = dpp.similarity(d, k=0.5)
    np.testing.assert_allclose(np.diag(S), 1.0)
    assert S[1, 2] == pytest.approx(np.exp(-0.5 / dpp.median_distance(d) * d[1, 2]))


def test_order_of_the_samples_does_not_matter():
    x, q = shapes(6), RNG.uniform(0.3, 1, 6)
    order = RNG.permutation(6)
    value, by_shape, by_q = dpp.loss_gradient(x, q)
    value2, by_shape2, by_q2 = dpp.loss_gradient(x[order], q[order])
    assert value2 == pytest.approx(value)
    np.testing.assert_allclose(by_shape2, by_shape[order], atol=1e-12)
    np.testing.assert_allclose(by_q2, by_q[order], atol=1e-12)


def test_moving_and_turning_all_shapes_changes_nothing():
    x, q = shapes(4), np.ones(4)
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    assert dpp.loss_gradient(x @ turn + 5.0, q)[0] == pytest.approx(dpp.loss_gradient(x, q)[0])


def test_gradient_equals_finite_differences():
    x, q = shapes(4, 3), RNG.uniform(0.3, 1, 4)
    scale = dpp.median_distance(dpp.distances(x))
    _, by_shape, by_q = dpp.loss_gradient(x, q, scale=scale)

    def numeric(value, array):
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept, step = array[place], 1e-6
            array[place] = kept + step
            above = value()
            array[place] = kept - step
            below = value()
            array[place] = kept
            gradient[place] = (above - below) / (2 * step)
        return gradient

    def value():
        return dpp.loss(dpp.kernel(dpp.similarity(dpp.distances(x), scale=scale), q))

    np.testing.assert_allclose(by_shape, numeric(value, x), atol=1e-7)
    np.testing.assert_allclose(by_q, numeric(value, q), atol=1e-7)
    assert np.abs(by_shape).max() > 1e-3


def test_loss_falls_along_minus_the_gradient_and_shapes_part():
    x, q = shapes(5), np.ones(5)
    scale = dpp.median_distance(dpp.distances(x))
    value, by_shape, _ = dpp.loss_gradient(x, q, scale=scale)
    moved = x - 0.5 * by_shape
    assert dpp.loss_gradient(moved, q, scale=scale)[0] < value
    assert dpp.distances(moved).sum() > dpp.distances(x).sum()


def test_identical_shapes_have_finite_gradient():
    x = np.repeat(shapes(1), 3, axis=0)
    value, by_shape, _ = dpp.loss_gradient(x, np.ones(3))
    assert np.isfinite(value)
    np.testing.assert_array_equal(by_shape, 0)


@pytest.mark.parametrize("dimension", [1, 10, 200])
def test_radius_holds_what_three_sigma_hold(dimension):
    z = RNG.normal(size=(40_000, dimension))
    inside = (np.linalg.norm(z, axis=1) < dpp.radius(dimension, 3.0)).mean()
    assert inside == pytest.approx(0.9973, abs=0.0015)
    if dimension == 1:
        assert dpp.radius(1, 3.0) == pytest.approx(3.0)


def test_printed_quality_vanishes_for_typical_latents_of_many_dimensions():
    """Why the ball is the default: in 100 dimensions Eq. 9 as printed gives a typical z a quality of about
    e^-70.
    """
    typical = np.array([100.0])
    assert dpp.quality(typical, 100, printed=True)[0][0] < 1e-25
    assert dpp.quality(typical, 100)[0][0] == 1.0


@pytest.mark.parametrize("printed", [False, True])
def test_quality_slope_equals_finite_differences(printed):
    energy = np.array([1.0, 20.0, 60.0, 70.0])
    q, slope = dpp.quality(energy, 16, 3.0, printed)
    step = 1e-5
    above, below = (dpp.quality(energy + s, 16, 3.0, printed)[0] for s in (step, -step))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), atol=1e-8)
    assert q[0] == 1.0
    assert (np.diff(q) <= 0).all()


def test_greedy_choice_equals_the_plain_one():
    L = some_kernel(8)
    chosen: list[int] = []
    for _ in range(4):
        rest = [i for i in range(8) if i not in chosen]
        chosen.append(max(rest, key=lambda i: np.linalg.det(L[np.ix_([*chosen, i], [*chosen, i])])))
    assert dpp.greedy(L, 4).tolist() == chosen
    assert dpp.greedy(L, 8, first=5)[0] == 5
    assert sorted(dpp.greedy(L, 8).tolist()) == list(range(8))


def test_greedy_prefers_the_outlier():
    x = np.concatenate([np.zeros((4, 2, 3)), np.ones((1, 2, 3))]) + 1e-3 * RNG.normal(size=(5, 2, 3))
    L = dpp.kernel(dpp.similarity(dpp.distances(x), scale=1.0), np.ones(5))
    assert 4 in dpp.greedy(L, 2).tolist()
