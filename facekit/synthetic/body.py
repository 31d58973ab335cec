"""The bust below the end of the face mesh: its open rim continued downwards and outwards, in cloth."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from facekit.morphable.topology import PARTS, Topology
from facekit.records import FloatArray, IntArray
from facekit.synthetic.scene import MATERIALS, Surface, _Key

DROP = 0.16  # m the bust goes on below the rim
RINGS = 5


def rim(topology: Topology, coords: FloatArray) -> IntArray:
    """The lowest open border of the skin as one closed loop of vertices (R,); empty where the mesh is closed.

    coords (V, 3) mm, face frame, of the mean.
    """
    return _rim(_Key(topology), coords.tobytes(), len(coords))


@lru_cache(maxsize=4)
def _rim(key: _Key, places: bytes, count: int) -> IntArray:
    topology = key.topology
    coords = np.frombuffer(places, np.float32).reshape(count, 3)
    skin = topology.faces[topology.parts[topology.faces[:, 0]] == PARTS.index("skin")]
    directed = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]]).astype(np.int64)
    code = directed[:, 0] * count + directed[:, 1]
    back = directed[:, 1] * count + directed[:, 0]
    border = directed[~np.isin(code, back)]
    follow = dict(border.tolist())
    loops = []
    while follow:
        start, step = follow.popitem()
        loop = [start]
        while step != start and step in follow:
            loop.append(step)
            step = follow.pop(step)
        loops.append(loop)
    if not loops:
        return np.zeros(0, np.int32)
    return np.array(min(loops, key=lambda loop: float(coords[loop, 1].mean())), np.int32)


def bust(topology: Topology, vertices: FloatArray, coords: FloatArray, colour: FloatArray) -> list[Surface]:
    """The bust under a face with ``vertices`` (V, 3) m."""
    loop = rim(topology, coords)
    if len(loop) < 8 or coords[loop, 1].mean() > -120:
        return []
    edge = vertices[loop].astype(np.float64)
    middle = edge.mean(axis=0)
    down = np.linspace(0, 1, RINGS)[:, None, None]
    rings = edge[None] + (edge - middle)[None] * np.array([0.10, 0.0, 0.05]) * down
    rings[..., 1] = edge[None, :, 1] - down[..., 0] * DROP
    places = np.repeat(coords[loop][None], RINGS, axis=0) - np.array([0, 1000 * DROP, 0]) * down
    count = len(loop)
    i, j = np.meshgrid(np.arange(RINGS - 1), np.arange(count), indexing="ij")
    a, b = i * count + j, i * count + (j + 1) % count
    faces = np.concatenate(
        [
            np.stack([b, a, a + count], -1).reshape(-1, 3),
            np.stack([b, a + count, b + count], -1).reshape(-1, 3),
        ]
    )
    total = RINGS * count
    return [
        Surface(
            rings.reshape(total, 3).astype(np.float32),
            faces.astype(np.int32),
            np.full(len(faces), MATERIALS.index("cloth"), np.uint8),
            places.reshape(total, 3).astype(np.float32),
            np.broadcast_to(colour, (total, 3)).astype(np.float32),
        )
    ]
