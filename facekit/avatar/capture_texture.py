"""The texture that one camera sees: a view of a capture unwrapped onto the chart."""

from __future__ import annotations

import numpy as np

from facekit.avatar.capture import Capture, unpack
from facekit.geometry.mesh import vertex_normals
from facekit.morphable.topology import Topology
from facekit.records import ByteArray, FloatArray
from facekit.texture.chart import Chart, make_chart
from facekit.texture.unwrap import unwrap


def chart_of_mesh(capture: Capture, size: int | None = None) -> Chart:
    """The chart of a capture's mesh at ``size`` texels a side, by default that of its textures."""
    mesh = capture.mesh
    topology = Topology(
        faces=mesh.faces,
        uv=mesh.uv,
        uv_faces=mesh.uv_faces,
        mirror=np.arange(capture.meshes.shape[1], dtype=np.int32),
        regions={},
        parts=np.zeros(capture.meshes.shape[1], np.uint8),
        embeddings={},
    )
    return make_chart(topology, size or capture.textures.shape[1])


def view_texture(capture: Capture, frame: int, camera: int, chart: Chart) -> tuple[ByteArray, FloatArray]:
    """What a camera sees of each texel (T, T, 3) uint8, colours as the camera stored them, and how far that
    is to be trusted (T, T) float32, 0 not seen .. 1. ValueError for a capture without views."""
    views = capture.views
    if views is None:
        raise ValueError("the capture has no views")
    picture = views.images[frame, camera].astype(np.float32)
    hidden = ~unpack(views.masks[frame, camera], views.size[1])
    vertices = np.asarray(capture.meshes[frame], np.float64)
    normals = vertex_normals(vertices, capture.mesh.faces)
    seen = unwrap(
        picture, hidden, capture.view_camera(frame, camera), vertices, normals, capture.mesh.faces, chart
    )
    colour = np.where(seen.trust[:, None] > 0, seen.colour, 0)
    return chart.image(np.rint(colour)).astype(np.uint8), chart.image(seen.trust)
