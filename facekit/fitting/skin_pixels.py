"""Which pixels of the photo show the skin of a fitted face, and what the geometry says of each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from facekit.fitting.appearance import Pixels
from facekit.geometry.camera import crop, project_points, resize
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.model import FaceModel
from facekit.raster.fragments import rasterize_numpy
from facekit.raster.shade import srgb_to_linear
from facekit.records import BoolArray, ByteArray, Camera, FloatArray

Array = NDArray[np.float64]

REGIONS = ("narrow_face", "face")  # the first that the topology has says where skin is looked at
FEWEST = 100  # pixels
EDGE = 2  # px of the crop: pixels as near the silhouette or the mask's edge are left out


@dataclass(frozen=True)
class Window:
    """The face cut out of the photo and made small."""

    camera: Camera
    linear: FloatArray  # (h, w, 3) linear RGB
    hidden: BoolArray  # (h, w)


def face_window(
    photo: ByteArray, hidden: BoolArray | None, vertices: FloatArray, camera: Camera, side: int
) -> Window:
    """The box of the projected ``vertices`` (V, 3), at most ``side`` pixels long; a pixel is hidden if any
    part of it is.
    """
    points = project_points(camera, vertices)[:, :2]
    height, width = photo.shape[:2]
    x0, y0 = np.clip(np.floor(points.min(0)).astype(int) - 2, 0, [width - 2, height - 2])
    x1, y1 = np.clip(np.ceil(points.max(0)).astype(int) + 2, [x0 + 2, y0 + 2], [width, height])
    scale = min(1.0, side / max(x1 - x0, y1 - y0))
    size = (max(2, round((x1 - x0) * scale)), max(2, round((y1 - y0) * scale)))
    cut = srgb_to_linear(photo[y0:y1, x0:x1].astype(np.float32) / 255)
    small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    mask = np.zeros(size[::-1], bool)
    if hidden is not None:
        part = cv2.resize(hidden[y0:y1, x0:x1].astype(np.float32), size, interpolation=cv2.INTER_AREA)
        mask = part > 1e-3
    return Window(resize(crop(camera, (int(x0), int(y0), int(x1), int(y1))), size), small, mask)


def skin_weight(model: FaceModel) -> FloatArray:
    """(V,) 1 on the skin of the face, 0 elsewhere."""
    weight = np.asarray(model.topology.part("skin"), np.float32)
    for name in REGIONS:
        if name in model.topology.regions:
            return weight * np.asarray(model.topology.regions[name], np.float32)
    return weight


@dataclass(frozen=True)
class SkinGrid:
    """The pixels of the window that show skin, and the points of the surface that they show."""

    window: Window
    seen: BoolArray  # (h, w)
    corners: NDArray[np.integer]  # (M, 3) vertices of the triangle at each seen pixel, row by row
    bary: Array  # (M, 3)
    albedo: Array  # (M, 3) mean linear albedo
    modes: NDArray[np.floating]  # (A, M, 3) per standard deviation

    def interpolated(self, values: FloatArray) -> Array:
        """Values (M, C) at the pixels of values (V, C) at the vertices."""
        out: Array = np.einsum("mkc,mk->mc", values[self.corners], self.bary)
        return out


def skin_grid(
    photo: ByteArray,
    hidden: BoolArray | None,
    model: FaceModel,
    vertices: FloatArray,
    camera: Camera,
    side: int,
) -> SkinGrid | None:
    """The visible skin of a fitted face, in a window of at most ``side`` pixels.

    None where fewer than 100 pixels can be seen or the model has no albedo.
    """
    albedo, topology = model.albedo, model.topology
    if albedo is None:
        return None
    weight = skin_weight(model)
    window = face_window(photo, hidden, vertices[weight > 0.5], camera, side)
    size = window.linear.shape[:2]
    screen = project_points(window.camera, vertices)[None].astype(np.float32)
    fragments = rasterize_numpy(screen, topology.faces, (size[0], size[1]))
    face, bary = fragments.pix_to_face[0], np.asarray(fragments.bary[0], np.float64)
    seen = fragments.mask[0].copy()
    seen[seen] = weight[topology.faces[face[seen]]].min(1) > 0.5
    seen &= ~window.hidden
    seen = cv2.erode(seen.astype(np.uint8), np.ones((2 * EDGE + 1,) * 2, np.uint8), borderValue=0) > 0
    if seen.sum() < FEWEST:
        return None
    uv = np.einsum("mkc,mk->mc", topology.uv[topology.uv_faces[face[seen]]], bary[seen])
    mean = bilinear(np.asarray(albedo.mean)[None], uv)[0].astype(np.float64)
    modes = bilinear(np.asarray(albedo.basis), uv).reshape(len(albedo.basis), len(uv), 3)
    return SkinGrid(window, seen, topology.faces[face[seen]], bary[seen], mean, modes)


def skin_pixels(
    photo: ByteArray,
    hidden: BoolArray | None,
    model: FaceModel,
    vertices: FloatArray,
    camera: Camera,
    side: int = 128,
) -> Pixels | None:
    """The visible skin pixels of a fitted face; None as for ``skin_grid``."""
    grid = skin_grid(photo, hidden, model, vertices, camera, side)
    if grid is None:
        return None
    return grid_pixels(grid, vertices, model)


def grid_pixels(grid: SkinGrid, vertices: FloatArray, model: FaceModel) -> Pixels:
    """Colours and normals at the pixels of a grid."""
    n = grid.interpolated(vertex_normals(vertices, model.topology.faces))
    n /= np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)
    return Pixels(grid.window.linear[grid.seen].astype(np.float64), n, grid.albedo, grid.modes)


def bilinear(textures: FloatArray, uv: NDArray[np.floating]) -> FloatArray:
    """(N, M, C) look-up of textures (N, T, T, C), row 0 on top, at uv (M, 2), origin bottom left.

    In the textures' precision; as a sparse matrix, which visits the texels without copies of the textures.
    """
    side = textures.shape[1]
    x = np.clip(uv[:, 0] * side - 0.5, 0, side - 1.001)
    y = np.clip((1 - uv[:, 1]) * side - 0.5, 0, side - 1.001)
    column, row = x.astype(int), y.astype(int)
    dx, dy = x - column, y - row
    start = row * side + column
    texel = np.stack([start, start + 1, start + side, start + side + 1], 1)
    share = np.stack([(1 - dx) * (1 - dy), dx * (1 - dy), (1 - dx) * dy, dx * dy], 1)
    ends = np.arange(0, texel.size + 1, 4)
    read = csr_matrix((share.ravel().astype(textures.dtype), texel.ravel(), ends), (len(uv), side * side))
    return np.stack([read @ texture.reshape(side * side, -1) for texture in textures])
