"""Half-spaces that keep faces plausible."""

import numpy as np
import pytest

from facekit.completion import limits

RNG = np.random.default_rng(5)


def random_limits(k=6, c=9):
    return limits.HalfSpaces(RNG.normal(size=(c, k)), RNG.uniform(0.2, 1, c))


def test_projection_ends_inside_and_leaves_the_inside_alone():
    spaces = random_limits()
    z = 3 * RNG.normal(size=(50, 6))
    assert (spaces.violation(z) > 0.1).any()
    moved = spaces.project(z, sweeps=200)
    assert spaces.violation(moved).max() < 1e-6
    np.testing.assert_array_equal(spaces.project(moved * 0.5), moved * 0.5)


@pytest.mark.parametrize("sweeps", [1, 2, 8])
def test_projection_is_that_of_the_plain_loop(sweeps):
    """One latent and one half-space at a time."""
    spaces = random_limits()
    z = 2 * RNG.normal(size=(20, 6))
    expected = z.copy()
    for _ in range(sweeps):
        broken = ((expected @ spaces.normals.T - spaces.offsets) > 1e-9).any(0)
        for c in np.flatnonzero(broken):
            for row in expected:
                excess = max(spaces.normals[c] @ row - spaces.offsets[c], 0.0)
                row -= excess / (spaces.normals[c] @ spaces.normals[c]) * spaces.normals[c]
    before = z.copy()
    np.testing.assert_allclose(spaces.project(z, sweeps), expected, atol=1e-10)
    np.testing.assert_array_equal(z, before)


def test_one_half_space_is_projected_onto_exactly():
    spaces = limits.HalfSpaces(np.array([[3.0, 4.0]]), np.array([5.0]))
    np.testing.assert_allclose(spaces.project(np.array([[6.0, 8.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])


def test_no_half_spaces_allow_everything():
    spaces = limits.HalfSpaces(np.zeros((0, 4)), np.zeros(0))
    z = RNG.normal(size=(3, 4))
    np.testing.assert_array_equal(spaces.project(z), z)
    assert (spaces.violation(z) < 0).all()


def test_bounds_are_those_of_the_coefficients():
    lower, upper = np.array([-np.inf, 0.0, -1.0]), np.array([np.inf, 2.0, np.inf])
    centre, lift = np.array([0.3, 1.0, -1.5]), RNG.normal(size=(3, 3))
    spaces = limits.bounds(lower, upper, centre, lift)
    z = RNG.normal(size=(200, 3))
    codes = centre + z @ lift
    legal = (codes[:, 1] >= 0) & (codes[:, 1] <= 2) & (codes[:, 2] >= centre[2])
    np.testing.assert_array_equal(spaces.violation(z) <= 0, legal)
    assert spaces.violation(np.zeros((1, 3)))[0] <= 0


def test_lips_may_not_cross(model):
    """A closed mouth with ``mouthClose`` alone turns inside out: that direction is cut off, jawOpen is
    not.
    """
    lift = np.eye(model.size)
    spaces = limits.no_crossing(model, model.mean, lift)
    start = model.block("expression").start
    z = np.zeros((2, model.size))
    z[0, start + model.expression_names.index("jawOpen")] = 2.0
    z[1, start + model.expression_names.index("mouthClose")] = 2.0
    crossed = spaces.violation(z)
    assert crossed[0] <= 0 < crossed[1]
    points = model.topology.embeddings["ibug68"].points(model.instance(spaces.project(z)))
    upper, lower = np.array(limits.PAIRS).T
    assert (points[:, upper, 1] - points[:, lower, 1]).min() > -limits.OVERLAP - 1e-5
