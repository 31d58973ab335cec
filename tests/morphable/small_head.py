"""A small head, and a FLAME model of it, for the tests of foreign formats."""

import numpy as np
from scipy import sparse

from facekit.morphable.formats import surface

RNG = np.random.default_rng(11)


def head(rows=15, columns=16):
    """A symmetric lump with the size of a head in metres, its front along +z: vertices (V, 3), quads (Q, 4)
    facing out.
    """
    tilt, turn = np.meshgrid(
        np.linspace(-1.3, 1.3, rows),
        np.arange(columns) / columns * 2 * np.pi + np.pi / columns,
        indexing="ij",
    )
    vertices = np.stack(
        [0.08 * np.cos(tilt) * np.sin(turn), 0.12 * np.sin(tilt), 0.1 * np.cos(tilt) * np.cos(turn)], -1
    ).reshape(-1, 3)
    quads = [
        [
            r * columns + c,
            r * columns + (c + 1) % columns,
            (r + 1) * columns + (c + 1) % columns,
            (r + 1) * columns + c,
        ]
        for r in range(rows - 1)
        for c in range(columns)
    ]
    return vertices, np.array(quads)


HEAD, QUADS = head()
TRIANGLES = surface.triangles(QUADS)
V = len(HEAD)


def outward_share(model):
    corner = model.mean[model.topology.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return (np.einsum("fd,fd->f", normal, corner.mean(1) - model.mean.mean(0)) > 0).mean()


def in_facekit_conventions(model, outside=1.0):
    """Metres and a head facing +z, triangles outwards, modes in metres per deviation."""
    size = np.ptp(model.mean, axis=0)
    assert 0.1 < size[1] < 0.4
    assert outward_share(model) >= outside
    assert model.mean.dtype == np.float64
    assert model.basis.dtype == np.float32
    code = RNG.normal(size=model.size)
    np.testing.assert_allclose(model.code(model.instance(code)), code, atol=1e-5)
    assert model.topology.uv.min() >= 0
    assert model.topology.uv.max() <= 1
    assert model.topology.uv_faces.shape == model.topology.faces.shape
    assert model.topology.uv_faces.max() < len(model.topology.uv)
    assert len(model.digest) == 64
    assert model.split(code).identity.shape == (model.block("identity").size,)


def flame_arrays(identity=300, expression=100):
    weights = RNG.uniform(0, 1, (V, 5)) ** 4
    regressor = sparse.random(5, V, 0.1, random_state=1)
    regressor = sparse.csc_matrix(regressor / np.maximum(regressor.sum(1), 1e-9))
    return {
        "v_template": HEAD,
        "shapedirs": RNG.normal(size=(V, 3, identity + expression)) * 0.002,
        "posedirs": RNG.normal(size=(V, 3, 36)) * 1e-4,
        "f": TRIANGLES.astype(np.uint32),
        "weights": weights / weights.sum(1, keepdims=True),
        "J_regressor": regressor,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
        "bs_style": "lbs",
    }


EMBEDDING = {
    "full_lmk_faces_idx": RNG.integers(0, len(TRIANGLES), (1, 68)),
    "full_lmk_bary_coords": RNG.dirichlet(np.ones(3), (1, 68)),
    "dynamic_lmk_faces_idx": np.zeros((79, 17), int),
}
