"""Graph sampling for mesh convolution: which vertices stay when a mesh is pooled, and what each of them sums
over.

After the sampling of "Fully Convolutional Mesh Autoencoder using Efficient Spatially Varying Kernels" (Zhou
et al. 2020): centres are chosen breadth first, at least ``stride`` rings apart; a centre sums over the
vertices within ``radius`` rings; unpooling is the transpose. Any graph will do, in one piece or in several;
``bridged`` ties the pieces of a head (eyeballs, teeth) to it, so that what is known of one reaches the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from facekit.geometry.mesh import adjacency
from facekit.records import FloatArray, IntArray

LINKS = 4  # edges that tie one piece to its surroundings


@dataclass(frozen=True)
class Connections:
    """The inputs that each output vertex sums over: the columns of a CSR matrix, row after row, rising."""

    start: IntArray  # (n_out + 1,) int32, where each row begins
    index: IntArray  # (E,) int32, input vertices
    inputs: int  # n_in

    @property
    def outputs(self) -> int:
        """n_out."""
        return len(self.start) - 1

    @property
    def edges(self) -> int:
        """E, pairs of an output and an input."""
        return len(self.index)

    @property
    def degree(self) -> IntArray:
        """(n_out,) inputs per output."""
        return np.diff(self.start)

    def matrix(self) -> sparse.csr_matrix:
        """(n_out, n_in) float64 with ones."""
        return sparse.csr_matrix((np.ones(self.edges), self.index, self.start), (self.outputs, self.inputs))

    def transposed(self) -> Connections:
        """Inputs and outputs exchanged: the unpooling of a pooling."""
        return connections(self.matrix().T)


def connections(matrix: sparse.spmatrix) -> Connections:
    """The pattern of a sparse matrix (n_out, n_in)."""
    rows = sparse.csr_matrix(matrix)
    rows.sum_duplicates()
    rows.sort_indices()
    return Connections(rows.indptr.astype(np.int32), rows.indices.astype(np.int32), rows.shape[1])


def face_graph(vertices: FloatArray, faces: IntArray) -> sparse.csr_matrix:
    """The graph (V, V) of a mesh with vertices (V, 3), its pieces tied together."""
    return bridged(adjacency(len(vertices), faces), np.asarray(vertices, np.float64))


def bridged(graph: sparse.csr_matrix, points: FloatArray) -> sparse.csr_matrix:
    """The graph in one piece: the smallest piece is tied by its shortest ways to the rest, until one is left.

    graph (V, V) symmetric, points (V, 3).
    """
    count, piece = csgraph.connected_components(graph, directed=False)
    while count > 1:
        inside = piece == np.argmin(np.bincount(piece))
        own, others = np.flatnonzero(inside), np.flatnonzero(~inside)
        away, nearest = cKDTree(points[others]).query(points[own])
        pick = np.argsort(away, kind="stable")[:LINKS]
        ends = np.concatenate([own[pick], others[nearest[pick]]])
        other_ends = np.concatenate([others[nearest[pick]], own[pick]])
        links = sparse.coo_matrix((np.ones(len(ends)), (ends, other_ends)), shape=graph.shape)
        graph = _pattern(graph + links)
        count, piece = csgraph.connected_components(graph, directed=False)
    return graph


def within(graph: sparse.csr_matrix, radius: int) -> sparse.csr_matrix:
    """(V, V) with ones where two vertices are at most ``radius`` edges apart, each with itself too."""
    one = _pattern(graph + sparse.identity(graph.shape[0], format="csr"))
    reach = sparse.identity(graph.shape[0], format="csr")
    for _ in range(radius):
        reach = _pattern(reach @ one)
    return reach


def centres(graph: sparse.csr_matrix, stride: int) -> IntArray:
    """Vertices (n,) that stay, rising: breadth first through each piece, none nearer than ``stride`` edges to
    one before it.
    """
    if stride == 1:
        return np.arange(graph.shape[0])
    near = within(graph, stride - 1)
    taken, chosen = np.zeros(graph.shape[0], bool), []
    for vertex in _breadth_first(graph):
        if not taken[vertex]:
            chosen.append(vertex)
            taken[near.indices[near.indptr[vertex] : near.indptr[vertex + 1]]] = True
    return np.sort(np.array(chosen, np.int64))


def pool(graph: sparse.csr_matrix, stride: int) -> tuple[Connections, sparse.csr_matrix]:
    """The connections of one pooling, over as many rings as the stride, and the graph of the centres.

    Centres are neighbours when at most 2 stride - 1 edges lie between them.
    """
    kept = centres(graph, stride)
    sums = connections(within(graph, stride)[kept])
    coarse = within(graph, 2 * stride - 1)[kept][:, kept]
    return sums, _pattern(coarse - sparse.identity(len(kept), format="csr"))


def hierarchy(graph: sparse.csr_matrix, strides: Sequence[int]) -> list[Connections]:
    """The connections of poolings one after the other, from a graph (V, V)."""
    levels = []
    for stride in strides:
        sums, graph = pool(graph, stride)
        levels.append(sums)
    return levels


def _breadth_first(graph: sparse.csr_matrix) -> IntArray:
    """All vertices, piece after piece, each from its first vertex on."""
    piece = csgraph.connected_components(graph, directed=False)[1]
    first = np.unique(piece, return_index=True)[1]
    orders = [csgraph.breadth_first_order(graph, v, False, False) for v in np.sort(first)]
    return np.concatenate(orders)


def _pattern(matrix: sparse.spmatrix) -> sparse.csr_matrix:
    """Ones where the matrix is not zero."""
    rows = sparse.csr_matrix(matrix)
    rows.eliminate_zeros()
    rows.sort_indices()
    rows.data[:] = 1.0
    return rows
