"""Pictures of a face from any side."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facekit.geometry.camera import frame_camera
from facekit.raster.scene import Colours, TextureMap, render_view
from facekit.records import ByteArray, FloatArray, IntArray

BACKDROP = (238, 238, 236)
WIDEST = math.radians(60)  # turn of the outer views


@dataclass(frozen=True)
class Subject:
    """A mesh to look at; without a texture it is drawn as clay."""

    vertices: FloatArray  # (V, 3) m, head frame
    faces: IntArray  # (F, 3)
    uv: FloatArray | None = None  # (T, 2), origin at the bottom left
    uv_faces: IntArray | None = None  # (F, 3)
    texture: ByteArray | None = None  # (T, T, 3) uint8 sRGB, row 0 is the top


def render(subject: Subject, yaw: float, pitch: float, size: int) -> ByteArray:
    """The face turned by yaw and pitch (radians, signs as in geometry.rotation), (size, size, 3) uint8."""
    vertices = np.asarray(subject.vertices, np.float64)
    # The frame must not change with the pose, so that turntables stand still.
    camera = frame_camera(vertices, yaw, pitch, (size, size), margin=0.95)
    backdrop = np.full((size, size, 3), BACKDROP, np.uint8)
    return render_view(vertices, subject.faces, camera, (size, size), _colours(subject), background=backdrop)


def views(subject: Subject, count: int, pitch: float, size: int) -> ByteArray:
    """``count`` views side by side, evenly from the face turned 60 degrees to its right to as much to its
    left (3DFaceFill, Fig. 9): (size, count * size, 3) uint8.
    """
    yaws = np.linspace(-WIDEST, WIDEST, count) if count > 1 else np.zeros(1)
    return np.hstack([render(subject, float(yaw), pitch, size) for yaw in yaws])


def turntable(subject: Subject, pitch: float, size: int, frames: int) -> Iterator[ByteArray]:
    """One turn of the head to both sides and back, ``frames`` pictures (size, size, 3); it loops without a
    jump.
    """
    for k in range(frames):
        yield render(subject, math.radians(70) * math.sin(2 * math.pi * k / frames), pitch, size)


def _colours(subject: Subject) -> Colours:
    if subject.texture is None or subject.uv is None or subject.uv_faces is None:
        return None
    return TextureMap(subject.texture, subject.uv, subject.uv_faces)
