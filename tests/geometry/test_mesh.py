"""Mesh operators on meshes whose answers are known."""

import numpy as np
import pytest
import torch
import trimesh

from facekit.geometry.mesh import (
    adjacency,
    boundary_edges,
    boundary_vertices,
    components,
    cotangent_laplacian,
    edge_lengths,
    edges,
    face_normals,
    geodesic_distance,
    uniform_laplacian,
    vertex_normals,
)

BALL = trimesh.creation.icosphere(subdivisions=3)
V, F = np.asarray(BALL.vertices), np.asarray(BALL.faces, np.int32)


def grid(n):
    """A flat square of n x n unit cells, two triangles each, facing +z."""
    x, y = np.meshgrid(np.arange(n + 1.0), np.arange(n + 1.0))
    i = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, 1:].ravel(), i[1:, :-1].ravel()
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1)
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def test_normals_of_a_ball_point_outwards():
    assert (vertex_normals(V, F) * V).sum(1).min() > 0.999
    assert (face_normals(V, F) * V[F].mean(1)).sum(1).min() > 0
    assert np.linalg.norm(face_normals(V, F), axis=1).sum() / 2 == pytest.approx(BALL.area)


def test_normals_are_sums_of_face_normals():
    vertices = V + np.random.default_rng(0).normal(size=V.shape) * 0.01
    sums = np.zeros_like(V)
    for k in range(3):
        np.add.at(sums, F[:, k], face_normals(vertices, F))
    truth = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(vertices, F), truth)
    batch = np.stack([vertices, V]).astype(np.float32)
    found = vertex_normals(batch, F)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], truth, atol=1e-5)
    np.testing.assert_array_equal(vertex_normals(torch.from_numpy(batch), torch.from_numpy(F)), found)


def test_normals_without_area_are_zero():
    vertices, faces = np.zeros((4, 3)), np.array([[0, 1, 2]])
    assert (vertex_normals(vertices, faces) == 0).all()
    leaf = torch.zeros(4, 3, requires_grad=True)
    vertex_normals(leaf, faces).sum().backward()
    assert (leaf.grad == 0).all()


def test_normals_gradcheck():
    ball = trimesh.creation.icosphere(subdivisions=1)
    v = torch.tensor(np.stack([ball.vertices, ball.vertices * [1, 2, 3]]), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: vertex_normals(x, ball.faces), (v,), fast_mode=True)


def test_edges_obey_euler():
    assert len(V) - len(edges(F)) + len(F) == 2
    assert (edges(F)[:, 0] < edges(F)[:, 1]).all()
    np.testing.assert_array_equal(
        np.asarray(adjacency(len(V), F).sum(1)).ravel(), np.bincount(edges(F).ravel())
    )
    assert edge_lengths(V, F).sum() == pytest.approx(BALL.edges_unique_length.sum())


def test_boundary():
    assert len(boundary_edges(F)) == 0
    vertices, faces = grid(4)
    rim = ((vertices[:, :2] == 0) | (vertices[:, :2] == 4)).any(1)
    np.testing.assert_array_equal(boundary_vertices(len(vertices), faces), rim)
    loop = boundary_edges(faces)
    assert len(loop) == 16
    area = (
        vertices[loop[:, 0], 0] * vertices[loop[:, 1], 1] - vertices[loop[:, 1], 0] * vertices[loop[:, 0], 1]
    )
    assert area.sum() / 2 == pytest.approx(16)  # anticlockwise, like the faces


def test_components():
    both = np.concatenate([F, F + len(V)])
    count, piece = components(2 * len(V) + 1, both)
    assert count == 3
    assert len(set(piece[: len(V)])) == len(set(piece[len(V) : -1])) == 1
    assert len({piece[0], piece[len(V)], piece[-1]}) == 3


def test_uniform_laplacian():
    L = uniform_laplacian(len(V) + 1, F)
    np.testing.assert_allclose(L @ np.ones(len(V) + 1), 0, atol=1e-12)
    moved = L @ np.concatenate([V, [[9, 9, 9]]])
    assert (moved[-1] == 0).all()
    assert ((moved[:-1] * V).sum(1) > 0).all()  # on a ball the neighbours' mean lies deeper


def test_cotangent_laplacian_is_blind_to_linear_functions_of_a_plane():
    vertices, faces = grid(5)
    vertices = vertices + np.random.default_rng(0).normal(size=vertices.shape) * [0.1, 0.1, 0]
    L, area = cotangent_laplacian(vertices, faces)
    inner = ~boundary_vertices(len(vertices), faces)
    np.testing.assert_allclose((L @ vertices)[inner], 0, atol=1e-12)
    np.testing.assert_allclose((L - L.T).toarray(), 0, atol=1e-12)
    assert np.linalg.eigvalsh(L.toarray()).min() > -1e-10
    assert area.sum() == pytest.approx(np.linalg.norm(face_normals(vertices, faces), axis=1).sum() / 2)


def test_cotangent_laplacian_finds_the_spheres_harmonics():
    """x, y and z have the eigenvalue l (l + 1) = 2 on the unit sphere."""
    L, area = cotangent_laplacian(V, F)
    for axis in range(3):
        f = V[:, axis]
        assert f @ (L @ f) / (f * area * f).sum() == pytest.approx(2, rel=0.02)


def test_cotangent_laplacian_survives_faces_without_area():
    L, _ = cotangent_laplacian(np.zeros((4, 3)), np.array([[0, 1, 2], [1, 2, 3]]))
    assert np.isfinite(L.toarray()).all()


def test_geodesic_distance():
    vertices, faces = grid(6)
    found = geodesic_distance(vertices, faces, np.array([0]))
    along = np.flatnonzero(vertices[:, 1] == 0)
    np.testing.assert_allclose(found[along], vertices[along, 0])
    assert found[-1] == pytest.approx(6 * np.sqrt(2))  # the diagonals go from the first corner to the last
    assert np.isinf(geodesic_distance(vertices, faces, np.array([0]), limit=2.0)[-1])
    on_ball = geodesic_distance(V, F, np.array([0]))
    truth = np.arccos(np.clip(V @ V[0], -1, 1))
    assert (on_ball >= truth - 1e-2).all()
    assert (on_ball / np.maximum(truth, 1e-9))[truth > 0.1].max() < 1.25


def test_geodesic_distance_from_several_and_to_elsewhere():
    both = np.concatenate([F, F + len(V)])
    vertices = np.concatenate([V, V + 5])
    found = geodesic_distance(vertices, both, np.array([0, 5]))
    assert np.isinf(found[len(V) :]).all()
    each = [geodesic_distance(V, F, np.array([k])) for k in (0, 5)]
    np.testing.assert_allclose(found[: len(V)], np.minimum(*each))
