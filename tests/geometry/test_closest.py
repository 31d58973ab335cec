"""Closest points against brute force."""

import numpy as np
import pytest
import trimesh

from facekit.geometry.closest import LEAF, closest_point, surface_tree

RNG = np.random.default_rng(0)
BALL = trimesh.creation.icosphere(subdivisions=2)
V = np.asarray(BALL.vertices) + RNG.normal(size=BALL.vertices.shape) * 0.02
F = np.asarray(BALL.faces, np.int32)
POINTS = np.concatenate(
    [RNG.normal(size=(200, 3)), V[:20], V[F[:20]].mean(1), 1e-3 * RNG.normal(size=(20, 3))]
)


def on_segment(p, a, b):
    s = np.clip(((p - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1), 0, 1)
    return a + s[..., None] * (b - a)


def brute_force(points, triangles):
    """Distances (P,): the best of the three sides and, where it falls inside, the plane's foot point."""
    p, (a, b, c) = points[:, None], (triangles[None, :, k] for k in range(3))
    best = np.min([np.linalg.norm(p - on_segment(p, *side), axis=-1) for side in ((a, b), (b, c), (c, a))], 0)
    n = np.cross(b - a, c - a)
    height = ((p - a) * n).sum(-1) / (n**2).sum(-1)
    foot = p - height[..., None] * n
    inside = np.all([(np.cross(v - u, foot - u) * n).sum(-1) >= 0 for u, v in ((a, b), (b, c), (c, a))], 0)
    plane = np.abs(height) * np.linalg.norm(n, axis=-1)
    return np.where(inside, np.minimum(best, plane), best).min(1)


def test_distances_are_those_of_brute_force():
    found = closest_point(V, F, POINTS)
    np.testing.assert_allclose(found.distance, brute_force(POINTS, V[F]), atol=1e-12)


def test_faces_weights_and_points_agree():
    found = closest_point(V, F, POINTS)
    np.testing.assert_allclose((V[F[found.face]] * found.bary[..., None]).sum(1), found.points, atol=1e-12)
    np.testing.assert_allclose(found.bary.sum(1), 1)
    assert (found.bary >= -1e-12).all()
    np.testing.assert_allclose(np.linalg.norm(found.points - POINTS, axis=1), found.distance, atol=1e-12)


def test_points_on_the_surface_are_their_own():
    found = closest_point(V, F, V)
    assert found.distance.max() < 1e-12


@pytest.mark.parametrize("count", [1, LEAF, LEAF + 1, 50])
def test_small_meshes(count):
    found = closest_point(V, F[:count], POINTS[:50])
    np.testing.assert_allclose(found.distance, brute_force(POINTS[:50], V[F[:count]]), atol=1e-12)


def test_faces_without_area_are_points_or_segments():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    found = closest_point(vertices, np.array([[0, 1, 2], [0, 0, 0]]), np.array([[1.5, 1.0, 0], [-1.0, 0, 0]]))
    np.testing.assert_allclose(found.distance, [1, 1])


def test_no_points_and_no_faces():
    assert surface_tree(V, F).closest(np.zeros((0, 3))).points.shape == (0, 3)
    with pytest.raises(ValueError, match="at least one face"):
        surface_tree(V, np.zeros((0, 3), int))
