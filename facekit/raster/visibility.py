"""Which vertices a photo shows: unoccluded, turned to the camera, inside the picture, not masked."""

from __future__ import annotations

import numpy as np

from facekit.geometry.camera import centre, crop, project_points, resize
from facekit.geometry.mesh import vertex_normals
from facekit.raster.fragments import rasterize_numpy
from facekit.records import BoolArray, Camera, FloatArray, IntArray

DEPTH_PIXELS = 384  # longer side of the depth picture of the mesh
BIAS = 0.01  # of the mesh's depth range: about 2 mm on a head
FACING = 0.1  # cosine between normal and line of sight; below it a pixel sees too little of the surface


def visible_vertices(
    vertices: FloatArray,
    faces: IntArray,
    camera: Camera,
    hidden_mask: BoolArray | None = None,
    *,
    facing: float = FACING,
    bias: float = BIAS,
) -> BoolArray:
    """(V,) bool: the vertices (V, 3) m that the photo of ``camera`` shows.

    hidden_mask (H, W) bool, True = hidden, of the photo's size. ``facing`` is the least cosine between
    normal and line of sight; ``bias`` how far behind the depth picture a vertex may lie, as a part of the
    mesh's depth range.
    """
    points = project_points(camera, vertices)
    sight = centre(camera) - vertices
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-12)
    turned = (vertex_normals(vertices, faces) * sight).sum(axis=1) >= facing
    inside = inside_picture(points, camera)
    visible = turned & inside & unoccluded(vertices, faces, camera, bias=bias)
    if hidden_mask is not None:
        visible[visible] = ~under_mask(points[visible], hidden_mask)
    return visible


def inside_picture(points: FloatArray, camera: Camera) -> BoolArray:
    """(V,) bool: projected points (V, 3) that lie in the picture and before the camera."""
    width, height = (int(x) for x in camera.image_size)
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    return (z > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)


def under_mask(points: FloatArray, mask: BoolArray) -> BoolArray:
    """(V,) bool: projected points (V, 2 or 3), inside the picture, whose pixel in ``mask`` (H, W) is set."""
    return mask[points[:, 1].astype(int), points[:, 0].astype(int)]


def unoccluded(
    vertices: FloatArray, faces: IntArray, camera: Camera, *, bias: float = BIAS, pixels: int = DEPTH_PIXELS
) -> BoolArray:
    """(V,) bool: nothing of the mesh lies before the vertex by more than ``bias`` of the mesh's depth range.

    The depth picture shows the whole mesh, at ``pixels`` on its longer side, whatever part of it the photo
    shows. A vertex is compared with the farthest of the four pixels around it, so that silhouettes do not
    hide their own vertices.
    """
    points = project_points(camera, vertices)
    ahead = points[:, 2] > 0
    if not ahead.any():
        return ahead
    view = _close_view(points[ahead], camera, pixels)
    screen = project_points(view, vertices)
    width, height = (int(x) for x in view.image_size)
    depth = rasterize_numpy(screen[None].astype(np.float32), faces, (height, width)).depth[0]
    column = np.clip(np.floor(screen[:, 0] - 0.5), 0, width - 2).astype(int)
    row = np.clip(np.floor(screen[:, 1] - 0.5), 0, height - 2).astype(int)
    corners = np.stack([depth[row + i, column + j] for i in (0, 1) for j in (0, 1)])
    slack = bias * float(np.ptp(points[ahead, 2]))
    return ahead & (screen[:, 2] <= corners.max(axis=0) + slack)


def _close_view(points: FloatArray, camera: Camera, pixels: int) -> Camera:
    """The camera's view of the bounding box of ``points``, at ``pixels`` on the longer side."""
    x0, y0 = np.floor(points[:, :2].min(axis=0)) - 1
    x1, y1 = np.ceil(points[:, :2].max(axis=0)) + 1
    window = crop(camera, (int(x0), int(y0), int(x1), int(y1)))
    scale = pixels / max(x1 - x0, y1 - y0)
    width, height = (max(2, round(scale * side)) for side in (x1 - x0, y1 - y0))
    return resize(window, (width, height))


def silhouette(vertices: FloatArray, faces: IntArray, camera: Camera) -> BoolArray:
    """(H, W) bool: the pixels that a mesh with vertices (V, 3) m covers, of the camera's size."""
    width, height = (int(x) for x in camera.image_size)
    screen = project_points(camera, vertices)[None].astype(np.float32)
    return rasterize_numpy(screen, faces, (height, width)).pix_to_face[0] >= 0
