"""What training hides of a face: regions grown on it, and what stands before it in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from facekit.completion.meshconv.sampling import face_graph
from facekit.geometry.camera import frame_camera
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import silhouette, visible_vertices
from facekit.records import BoolArray, Camera, FloatArray, IntArray
from facekit.synthetic.blob import blob_cover, hand_cover
from facekit.synthetic.chance import numpy_generator
from facekit.synthetic.occluders import SOLID, occluder_surfaces

if TYPE_CHECKING:
    import torch

LARGEST = 0.4  # of the vertices, as in the paper
LEAST = 0.25  # of the largest share
PICTURE = (160, 160)  # px, of the pictures that occluders are projected in
YAW, PITCH = 0.7, 0.35  # rad, how far heads turn in them
ROUGH = 0.5  # spread of the logarithm of edge lengths: how ragged regions grow


def growth(vertices: FloatArray, faces: IntArray, n: int, generator: torch.Generator) -> IntArray:
    """(n, V) int32: the order 0, 1, ... in which a region swallows the vertices, for n regions.

    The first r vertices of one order are connected on the surface (pieces are tied as in ``face_graph``).
    """
    rng = numpy_generator(generator)
    points = np.asarray(vertices, np.float64)
    graph = sparse.triu(face_graph(points, faces)).tocoo()
    length = np.maximum(np.linalg.norm(points[graph.row] - points[graph.col], axis=1), 1e-9)
    order = np.zeros((n, len(points)), np.int32)
    for row in order:
        ragged = length * np.exp(ROUGH * rng.standard_normal(len(length)))
        ways = sparse.csr_matrix((ragged, (graph.row, graph.col)), shape=graph.shape)
        away = csgraph.dijkstra(ways, directed=False, indices=int(rng.integers(len(points))))
        row[np.argsort(away, kind="stable")] = np.arange(len(points))
    return order


def picture_kinds(model: FaceModel) -> tuple[str, ...]:
    """What can stand before a head: a model without 68 landmarks wears no glasses and no masks."""
    return ("none", "hand", "blob", *(SOLID if "ibug68" in model.topology.embeddings else ()))


def picture_masks(
    model: FaceModel, n: int, generator: torch.Generator, kinds: tuple[str, ...] | None = None
) -> BoolArray:
    """(n, V) bool, True = hidden: turned heads behind each of ``kinds`` in turn, all of ``picture_kinds`` by
    default. What the picture does not show of the head itself is hidden too.
    """
    rng = numpy_generator(generator)
    kinds = kinds or picture_kinds(model)
    hidden = np.zeros((n, len(model.mean)), bool)
    for i, row in enumerate(hidden):
        camera = frame_camera(model.mean, rng.uniform(-YAW, YAW), rng.uniform(-PITCH, PITCH), PICTURE)
        cover = _cover(model, camera, kinds[i % len(kinds)], rng)
        row[:] = ~visible_vertices(model.mean, model.topology.faces, camera, cover)
    return hidden


@dataclass(frozen=True)
class Masks:
    """A stock of masks to draw from."""

    orders: IntArray  # (N, V) int32, from ``growth``
    pictures: BoolArray  # (M, V) bool, from ``picture_masks``; M may be 0

    def draw(self, n: int, largest: float, generator: torch.Generator) -> BoolArray:
        """(n, V) bool, True = hidden. Half of them are pictures where there are any, once ``largest`` passes
        half its final size; regions take a quarter of ``largest`` to all of it, as a share of the vertices.
        """
        import torch

        chance = torch.rand(n, 2, generator=generator).numpy()
        pick = torch.randint(2**31, (n,), generator=generator).numpy()
        share = largest * (LEAST + (1 - LEAST) * chance[:, :1])
        hidden = self.orders[pick % len(self.orders)] < share * self.orders.shape[1]
        if len(self.pictures) and largest >= LARGEST / 2:
            some = chance[:, 1] < 0.5
            hidden[some] = self.pictures[pick[some] % len(self.pictures)]
        return hidden


def curriculum(progress: float, grown: float = 0.5) -> float:
    """The largest share of the vertices to hide, after ``progress`` (0 to 1) of the training: growing to 0.4
    by the part ``grown`` of it.
    """
    return LARGEST * min(1.0, 0.05 + 0.95 * progress / grown)


def _cover(model: FaceModel, camera: Camera, kind: str, rng: np.random.Generator) -> BoolArray | None:
    """The pixels (H, W) that an occluder covers."""
    if kind == "none":
        return None
    if kind in SOLID:
        parts = occluder_surfaces(model, model.mean, kind, rng)
        return np.any([silhouette(part.vertices, part.faces, camera) for part in parts], axis=0)
    face = silhouette(model.mean, model.topology.front, camera)
    return (hand_cover if kind == "hand" else blob_cover)(face, rng) > 0.5
