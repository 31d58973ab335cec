"""What can be asked of a triangle mesh: normals, edges, boundary, pieces, Laplacians, distances.

vertices (V, 3) m; faces (F, 3) int, corners anticlockwise seen from outside.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from facekit.geometry.arrays import Array
from facekit.records import BoolArray, FloatArray, IntArray


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """Unit normals (..., V, 3): area-weighted means of the faces' normals, 0 where there is no area.

    vertices (..., V, 3) NumPy or torch, float32 or float64; differentiable for torch.
    """
    if isinstance(vertices, np.ndarray):
        from facekit.geometry.normals import normals_numpy

        return normals_numpy(vertices, faces)
    from facekit.geometry.normals_torch import normals_torch

    return normals_torch(vertices, faces)


def face_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Normals of the faces, (..., F, 3), with twice the face's area as their length."""
    a, b, c = (vertices[..., faces[:, k], :] for k in range(3))
    return np.cross(b - a, c - a)


def edges(faces: IntArray) -> IntArray:
    """Each edge once, (E, 2) int32 with the lower index first, sorted."""
    half = np.sort(_half_edges(faces), axis=1).astype(np.int64)
    count = int(half.max(initial=0)) + 1
    key = np.unique(half[:, 0] * count + half[:, 1])  # twenty times as fast as unique rows
    return np.stack([key // count, key % count], axis=1).astype(np.int32)


def boundary_edges(faces: IntArray) -> IntArray:
    """Edges of one face only, (E, 2) int32, in the direction of that face."""
    half = _half_edges(faces)
    _, inverse, count = np.unique(np.sort(half, axis=1), axis=0, return_inverse=True, return_counts=True)
    return half[count[inverse.reshape(-1)] == 1].astype(np.int32)


def boundary_vertices(vertex_count: int, faces: IntArray) -> BoolArray:
    """(V,) bool, the vertices on the boundary."""
    mask = np.zeros(vertex_count, bool)
    mask[boundary_edges(faces)] = True
    return mask


def adjacency(vertex_count: int, faces: IntArray) -> sparse.csr_matrix:
    """(V, V) symmetric float64 matrix with 1 for each edge."""
    e = edges(faces)
    ones = np.ones(len(e))
    half = sparse.coo_matrix((ones, (e[:, 0], e[:, 1])), shape=(vertex_count, vertex_count))
    return (half + half.T).tocsr()


def components(vertex_count: int, faces: IntArray) -> tuple[int, IntArray]:
    """Number of connected pieces and the piece (V,) int32 of each vertex; a lone vertex is a piece."""
    count, labels = csgraph.connected_components(adjacency(vertex_count, faces), directed=False)
    return int(count), labels.astype(np.int32)


def uniform_laplacian(vertex_count: int, faces: IntArray) -> sparse.csr_matrix:
    """L = I - D^-1 A, (V, V): a vertex minus the mean of its neighbours. Rows of lone vertices are 0."""
    A = adjacency(vertex_count, faces)
    degree = np.asarray(A.sum(axis=1)).reshape(-1)
    inverse = np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)
    return (sparse.diags((degree > 0).astype(np.float64)) - sparse.diags(inverse) @ A).tocsr()


def cotangent_laplacian(vertices: FloatArray, faces: IntArray) -> tuple[sparse.csr_matrix, FloatArray]:
    """Stiffness matrix (V, V) and lumped vertex areas (V,) m^2 (Pinkall and Polthier, 1993).

    (L f)_i = 1/2 sum_j (cot alpha_ij + cot beta_ij) (f_i - f_j); L f / area is minus the Laplace-Beltrami
    operator.
    """
    v, count = np.asarray(vertices, np.float64), len(vertices)
    doubled = np.linalg.norm(face_normals(v, faces), axis=1)
    floor = float(doubled.max(initial=0.0)) * 1e-12 + float(np.finfo(np.float64).tiny)
    weights = sparse.csr_matrix((count, count))
    for k in range(3):
        i, j, o = faces[:, (k + 1) % 3], faces[:, (k + 2) % 3], faces[:, k]
        cot = ((v[i] - v[o]) * (v[j] - v[o])).sum(axis=1) / np.maximum(doubled, floor)
        weights = weights + sparse.coo_matrix((cot / 2, (i, j)), shape=(count, count))
    weights = (weights + weights.T).tocsr()
    L = sparse.diags(np.asarray(weights.sum(axis=1)).reshape(-1)) - weights
    area: FloatArray = np.bincount(np.ravel(faces), np.repeat(doubled / 6, 3), count).astype(np.float64)
    return L.tocsr(), area


def edge_lengths(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Length in m of each of ``edges(faces)``, (E,)."""
    e = edges(faces)
    return np.linalg.norm(vertices[e[:, 0]] - vertices[e[:, 1]], axis=1)


def geodesic_distance(
    vertices: FloatArray, faces: IntArray, sources: IntArray, *, limit: float = np.inf
) -> FloatArray:
    """Shortest way along edges from any of ``sources`` to each vertex, (V,) m.

    inf beyond ``limit`` or where there is no way. Dijkstra's algorithm: an upper bound of the true geodesic
    distance, up to a quarter above it on regular meshes.
    """
    e, count = edges(faces), len(vertices)
    length = np.maximum(
        edge_lengths(np.asarray(vertices, np.float64), faces), 1e-12
    )  # a 0 would mean: no edge
    graph = sparse.coo_matrix((length, (e[:, 0], e[:, 1])), shape=(count, count)).tocsr()
    return csgraph.dijkstra(graph, directed=False, indices=np.unique(sources), limit=limit, min_only=True)


def _half_edges(faces: IntArray) -> IntArray:
    f = np.asarray(faces)
    return np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])
