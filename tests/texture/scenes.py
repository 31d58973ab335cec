"""A dome with a painted skin under a known light and camera: small, symmetric, and known everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Topology
from facekit.raster.shade import linear_to_srgb
from facekit.records import (
    BoolArray,
    ByteArray,
    Camera,
    Code,
    Ensemble,
    Fit,
    FloatArray,
    Landmarks,
    Light,
)
from facekit.texture.render import render_layer

SIDE = 17  # vertices a side
SIZE = 96  # px a side of the photo


def dome() -> tuple[FloatArray, Topology]:
    """Vertices (V, 3) m of a dome that bulges towards +z, and its topology; its chart is symmetric."""
    v, u = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    x, y = (u - 0.5) * 0.16, (v - 0.5) * 0.20
    z = 0.07 - 5.0 * (x * x + y * y)
    index = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = (
        index[i : SIDE - 1 + i, j : SIDE - 1 + j].ravel() for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))
    )
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    uv = np.stack([u.ravel(), v.ravel()], 1) * 0.9 + 0.05
    flat = np.ones(SIDE * SIDE, np.float32)
    topology = Topology(
        faces=faces,
        uv=uv.astype(np.float32),
        uv_faces=faces,
        mirror=index[:, ::-1].ravel().astype(np.int32),
        parts=np.zeros(SIDE * SIDE, np.uint8),
        regions={"face": flat, "narrow_face": flat},
    )
    return np.stack([x.ravel(), y.ravel(), z.ravel()], 1), topology


@dataclass(frozen=True)
class World:
    """The dome, its photo, and the truth about both."""

    model: FaceModel
    camera: Camera
    light: Light
    albedo: FloatArray  # (T, T, 3) linear
    photo: ByteArray  # (H, W, 3)
    fit: Fit

    def ensemble(self, n: int) -> Ensemble:
        """n times the true shape."""
        return Ensemble(
            model=self.model.name,
            model_sha256=self.model.digest,
            method="none",
            codes=np.zeros((n, 1), np.float32),
            vertices=np.repeat(self.fit.vertices[None], n, 0),
            faces=self.fit.faces,
            landmarks68=np.repeat(self.fit.landmarks68[None], n, 0),
            hidden=~self.fit.visible,
            quality=np.ones(n, np.float32),
            stats="{}",
        )

    def hide(self, columns: slice, rows: slice = slice(30, 66)) -> BoolArray:
        """A mask over a rectangle of the photo."""
        hidden = np.zeros(self.photo.shape[:2], bool)
        hidden[rows, columns] = True
        return hidden


def symmetric_albedo(size: int) -> FloatArray:
    """A smooth, left-right symmetric skin with a spot on either cheek."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    base = np.stack([0.5 + 0.1 * np.cos(3 * y), 0.35 + 0.05 * y, 0.28 + 0.05 * np.cos(2 * x)], 2)
    spot = np.exp(-((np.abs(x) - 0.45) ** 2 + (y - 0.1) ** 2) / 0.02)
    return (base * (1 - 0.5 * spot[..., None])).astype(np.float32)


def make_world() -> World:
    """The dome and its photo."""
    vertices, topology = dome()
    model = FaceModel(
        name="dome",
        licence="MIT",
        topology=topology,
        mean=vertices,
        basis=np.zeros((1, *vertices.shape), np.float32),
        blocks=(Block("identity", 0, 1),),
        expression_names=(),
        expression_scale=np.zeros(0),
        lower=np.full(1, -np.inf),
        upper=np.full(1, np.inf),
    )
    K = np.array([[260.0, 0, SIZE / 2], [0, 260.0, SIZE / 2], [0, 0, 1]])
    camera = Camera(
        K, np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 0.8]), np.array([SIZE, SIZE], np.int32)
    )
    sh = np.zeros((9, 3), np.float32)
    sh[0], sh[2], sh[3] = 2.6, 0.5, 0.4  # from the front and from the subject's left
    light = Light(sh)
    albedo = symmetric_albedo(256)
    layer = render_layer(vertices, topology, albedo, light, camera, np.zeros((len(vertices), 3), np.float32))
    background = np.full((SIZE, SIZE, 3), [0.2, 0.35, 0.3], np.float32)
    cover = layer.cover[..., None]
    picture = cover * linear_to_srgb(np.clip(layer.colour, 0, 1)) + (1 - cover) * background
    fit = Fit(
        model="dome",
        model_sha256=model.digest,
        code=Code(*(np.zeros(0, np.float32) for _ in range(4))),
        arkit=np.zeros(0, np.float32),
        arkit_names=np.array([], str),
        camera=camera,
        light=light,
        vertices=vertices.astype(np.float32),
        faces=topology.faces,
        visible=np.ones(len(vertices), bool),
        landmarks68=np.zeros((68, 3), np.float32),
        landmarks68_2d=np.zeros((68, 2), np.float32),
        landmarks=Landmarks(
            scheme="ibug68",
            points=np.zeros((68, 2), np.float32),
            depth=np.zeros(68, np.float32),
            sigma=np.ones(68, np.float32),
            hidden=np.zeros(68, bool),
            score=1.0,
            box=np.array([22, 16, 74, 80], np.float32),
            crop=np.eye(3),
            image_size=np.array([SIZE, SIZE], np.int32),
            detector="imported",
        ),
        covariance=np.eye(1, dtype=np.float32),
        photo_sha256="0" * 64,
        outcome="made up",
        stats="{}",
    )
    return World(model, camera, light, albedo, np.rint(picture * 255).astype(np.uint8), fit)
