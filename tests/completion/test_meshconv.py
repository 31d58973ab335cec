"""Mesh convolution: sampling of graphs in one and several pieces; the fast layers equal the plain ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import trimesh
from scipy import sparse
from scipy.sparse import csgraph

from facekit.completion.meshconv import reference
from facekit.completion.meshconv.layers import MeshBlock, multiplications
from facekit.completion.meshconv.sampling import (
    Connections,
    bridged,
    centres,
    connections,
    face_graph,
    hierarchy,
    pool,
    within,
)
from facekit.geometry.mesh import adjacency

STRIDES = (2, 1, 2)


def head() -> tuple[np.ndarray, np.ndarray]:
    """A large sphere with two small ones inside: a mesh in three pieces."""
    whole = trimesh.creation.icosphere(3)
    small = trimesh.creation.icosphere(1, 0.2)
    inside = np.array([0.3, 0, 0.7])
    points = [whole.vertices, small.vertices + inside, small.vertices - inside * [1, 1, -1]]
    faces, start = [], 0
    for part, mesh in zip(points, (whole, small, small), strict=True):
        faces.append(mesh.faces + start)
        start += len(part)
    return np.concatenate(points), np.concatenate(faces).astype(np.int32)


VERTICES, FACES = head()
PIECES = adjacency(len(VERTICES), FACES)
GRAPH = face_graph(VERTICES, FACES)


def path(n: int) -> sparse.csr_matrix:
    """0 - 1 - ... - n-1."""
    return sparse.diags([np.ones(n - 1)] * 2, [-1, 1], format="csr")


def test_a_path_is_pooled_to_every_other_vertex() -> None:
    sums, coarse = pool(path(7), 2)
    assert centres(path(7), 2).tolist() == [0, 2, 4, 6]
    assert sums.index[: sums.start[1]].tolist() == [0, 1, 2]
    assert sums.degree.tolist() == [3, 5, 5, 3]
    assert (coarse != path(4)).nnz == 0


def test_within_counts_rings() -> None:
    assert within(path(9), 3)[4].indices.tolist() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("graph", [PIECES, GRAPH], ids=["three pieces", "tied"])
@pytest.mark.parametrize("stride", [2, 3])
def test_centres_lie_apart_and_reach_all(graph: sparse.csr_matrix, stride: int) -> None:
    kept = centres(graph, stride)
    away = csgraph.dijkstra(graph, unweighted=True, indices=kept)[:, kept]
    assert away[~np.eye(len(kept), dtype=bool)].min() >= stride
    near = within(graph, stride - 1)[kept]
    assert (np.asarray(near.sum(0)) >= 1).all(), "a vertex is near no centre"
    assert (pool(graph, stride)[0].transposed().degree >= 1).all()


def test_tying_makes_one_piece_with_few_short_edges() -> None:
    assert csgraph.connected_components(PIECES)[0] == 3
    assert csgraph.connected_components(GRAPH)[0] == 1
    new = sparse.coo_matrix(GRAPH - PIECES)
    assert new.nnz == 2 * 2 * 4
    length = np.linalg.norm(VERTICES[new.row] - VERTICES[new.col], axis=1)
    assert length.max() < 0.4
    assert (bridged(GRAPH, VERTICES) != GRAPH).nnz == 0


def test_pooling_halves_the_rings_level_by_level() -> None:
    levels = hierarchy(GRAPH, STRIDES)
    assert [level.inputs for level in levels[1:]] == [level.outputs for level in levels[:-1]]
    assert levels[0].inputs > 3 * levels[0].outputs == 3 * levels[1].outputs > 9 * levels[2].outputs
    again = hierarchy(face_graph(VERTICES, FACES), STRIDES)
    assert all(np.array_equal(a.index, b.index) for a, b in zip(levels, again, strict=True))


def test_transposing_twice_changes_nothing() -> None:
    level = hierarchy(GRAPH, STRIDES)[0]
    back = level.transposed()
    assert (back.inputs, back.outputs, back.edges) == (level.outputs, level.inputs, level.edges)
    assert np.array_equal(back.transposed().index, level.index)


def naive(x: torch.Tensor, level: Connections, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """vcConv of one mesh (n_in, C_in) with a matrix W_ij for every edge."""
    rows = []
    for i in range(len(level.start) - 1):
        y = weights["bias"][i].clone()
        for e in range(level.start[i], level.start[i + 1]):
            kernel = torch.einsum("m,mio->io", weights["coefficients"][:, e], weights["basis"])
            y = y + x[level.index[e]] @ kernel
        rows.append(y)
    return torch.stack(rows)


def block(level: Connections, width: tuple[int, int], activated: bool = True) -> MeshBlock:
    made = MeshBlock(level, width, 5, torch.Generator().manual_seed(1), activated)
    with torch.no_grad():
        made.bias.normal_(generator=torch.Generator().manual_seed(2))
    return made.double()


def test_the_plain_convolution_is_the_formula() -> None:
    level = hierarchy(GRAPH, (2, 2, 2))[2]
    weights = dict(block(level, (3, 4)).named_parameters())
    x = torch.randn(2, level.inputs, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = reference.vc_conv(x, level, weights["coefficients"], weights["basis"], weights["bias"])
    expected = torch.stack([naive(mesh, level, weights) for mesh in x])
    torch.testing.assert_close(y, expected)


def test_densities_make_a_mean() -> None:
    level = hierarchy(GRAPH, STRIDES)[0]
    density = block(level, (3, 3)).density
    y = reference.vd_pool(torch.full((1, level.inputs, 2), 4.0, dtype=torch.float64), level, -density)
    torch.testing.assert_close(y, torch.full_like(y, 4.0))


@pytest.mark.parametrize("width", [(3, 8), (8, 3), (6, 6), (2, 40), (40, 2)], ids=str)
@pytest.mark.parametrize("up", [False, True], ids=["down", "up"])
@pytest.mark.parametrize("activated", [False, True], ids=["linear", "elu"])
def test_fast_equals_plain_forward_and_backward(width: tuple[int, int], up: bool, activated: bool) -> None:
    level = hierarchy(GRAPH, STRIDES)[0]
    level = level.transposed() if up else level
    fast = block(level, width, activated)
    weights = dict(fast.named_parameters())
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(level.inputs, 3, width[0], generator=generator, dtype=torch.float64, requires_grad=True)
    y = fast(x)
    plain = reference.residual_block(x.transpose(0, 1), level, weights, activated).transpose(0, 1)
    torch.testing.assert_close(y, plain)
    towards = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    wanted = [x, *weights.values()]
    ours, theirs = torch.autograd.grad(y, wanted, towards), torch.autograd.grad(plain, wanted, towards)
    for name, one, other in zip(["x", *weights], ours, theirs, strict=True):
        torch.testing.assert_close(one, other, msg=lambda text, name=name: f"gradient by {name}: {text}")


def test_a_wrong_edge_is_noticed() -> None:
    level = hierarchy(GRAPH, STRIDES)[0]
    fast = block(level, (3, 8))
    weights = {name: value.detach().clone() for name, value in fast.named_parameters()}
    weights["coefficients"][2, 7] += 0.1
    x = torch.ones(level.inputs, 1, 3, dtype=torch.float64)
    plain = reference.residual_block(x.transpose(0, 1), level, weights).transpose(0, 1)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(fast(x).detach(), plain)


def test_the_cheaper_order_is_taken() -> None:
    level = hierarchy(GRAPH, STRIDES)[0]
    assert block(level, (3, 8)).sums_first
    assert not block(level.transposed(), (8, 3)).sums_first
    first, second = multiplications(level, (3, 8), 5)
    assert first == 5 * 3 * (level.edges + 8 * level.outputs)
    assert second == 5 * 8 * (level.edges + 3 * level.inputs)


def test_gradients_by_the_input_alone_need_no_weights() -> None:
    level = hierarchy(GRAPH, STRIDES)[0].transposed()
    fast = block(level, (4, 3))
    fast.requires_grad_(False)
    x = torch.randn(level.inputs, 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        alone = fast(x)
    x.requires_grad_()
    y = fast(x)
    torch.testing.assert_close(y, alone, rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    fast.requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(fast(x).sum(), x)[0], gradient)


def test_connections_keep_the_order_of_rows() -> None:
    level = connections(sparse.coo_matrix((np.ones(4), ([1, 0, 1, 1], [2, 0, 0, 2])), shape=(2, 3)))
    assert level.start.tolist() == [0, 1, 3]
    assert level.index.tolist() == [0, 0, 2]


@pytest.mark.parametrize("degree", [1, 2])
def test_gradients_are_those_of_finite_differences(degree: int) -> None:
    level = connections(within(path(5), degree)[[0, 2, 4]])
    for one in (level, level.transposed()):
        fast = block(one, (2, 3))
        x = torch.randn(one.inputs, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        assert torch.autograd.gradcheck(fast, (x.requires_grad_(),))
        names, weights = zip(*fast.named_parameters(), strict=True)
        assert torch.autograd.gradcheck(
            lambda *values, f=fast, n=names, x=x: with_weights(f, n, values, x), weights
        )


def with_weights(
    fast: MeshBlock, names: Sequence[str], values: Sequence[torch.Tensor], x: torch.Tensor
) -> torch.Tensor:
    """The block of the given weights."""
    return torch.func.functional_call(fast, dict(zip(names, values, strict=True)), (x.detach(),))
