"""Fits as they would come out, of photos of which the truth is known: fitting them all takes hours.

The shape is the mean of the model's posterior given a few of the visible vertices with noise, so that it errs
as a fit does: little where the face is seen, towards the mean face where it is hidden; a covered mouth is
closed. Light and albedo are fitted to the pixels, as in a real fit.
"""

from __future__ import annotations

import json

import numpy as np
import torch

from facekit.fitting.appearance import fit_appearance
from facekit.fitting.skin_pixels import skin_pixels
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import visible_vertices
from facekit.records import BoolArray, ByteArray, Camera, Code, Fit, FloatArray, Landmarks, Light

SEEN = 60  # vertices that count as landmarks
NOISE = 0.0012  # m, standard deviation of each
TRUSTED = 0.0045  # m, what the posterior takes it for; neighbours err together
ASTRAY = 0.7  # of the posterior's standard deviation: how far fits go astray where nothing tells
DRIFT = 0.003  # of the face's width, standard deviation of a shift of the whole face
TURN = 0.005  # radians, of a turn of it in the picture
GROW = 0.005  # of its size


def simulated_fit(
    photo: ByteArray,
    hidden: BoolArray,
    vertices: FloatArray,
    camera: Camera,
    model: FaceModel,
    generator: torch.Generator,
) -> Fit | None:
    """A fit to a photo (H, W, 3) with a mask (H, W), whose true vertices (V, 3) m and camera are known.

    None where too little of the face is seen. Only the fields that a completion reads are filled in.
    """
    region = model.topology.regions.get("face")
    shown = visible_vertices(vertices, model.topology.faces, camera, hidden)
    front = shown if region is None else shown & (region > 0.5)
    index = np.flatnonzero(front)
    if len(index) < SEEN:
        return None
    index = index[torch.randperm(len(index), generator=generator)[:SEEN].numpy()]
    noise = NOISE * torch.randn(SEEN, 3, generator=generator).numpy()
    found = model.posterior(index, vertices[index].astype(np.float64) + noise, TRUSTED)
    shape = model.instance(model.clip(found.sample(generator, 1, ASTRAY)[0]))
    shape = shape + (vertices[index] - shape[index]).mean(0)  # no shift in the head frame: the camera errs
    moved = _moved(camera, shape, generator)
    return known_fit(photo, hidden, shape, moved, model)


def known_fit(
    photo: ByteArray, hidden: BoolArray, vertices: FloatArray, camera: Camera, model: FaceModel
) -> Fit | None:
    """The fit with a given shape and camera; light from the pixels. None where no skin is seen."""
    pixels = skin_pixels(photo, hidden, model, vertices, camera)
    if pixels is None:
        return None
    look = fit_appearance(pixels)
    zero, points = np.zeros(0, np.float32), np.zeros((68, 2), np.float32)
    width, height = (int(x) for x in camera.image_size)
    landmarks = Landmarks(
        scheme="ibug68",
        points=points,
        depth=np.zeros(68, np.float32),
        sigma=np.ones(68, np.float32),
        hidden=np.zeros(68, bool),
        score=float("nan"),
        box=np.array([0, 0, width, height], np.float32),
        crop=np.eye(3),
        image_size=np.array([width, height], np.int32),
        detector="imported",
    )
    return Fit(
        model=model.name,
        model_sha256=model.digest,
        code=Code(zero, zero, zero, zero),
        arkit=zero,
        arkit_names=np.array([], str),
        camera=camera,
        light=Light(look.sh.astype(np.float32)),
        vertices=np.asarray(vertices, np.float32),
        faces=np.asarray(model.topology.faces, np.int32),
        visible=visible_vertices(vertices, model.topology.faces, camera, hidden),
        landmarks68=np.zeros((68, 3), np.float32),
        landmarks68_2d=points,
        landmarks=landmarks,
        covariance=np.zeros((0, 0), np.float32),
        photo_sha256="",
        outcome="simulated",
        stats=json.dumps({"photometric_residual_srgb": look.residual}),
    )


def _moved(camera: Camera, vertices: FloatArray, generator: torch.Generator) -> Camera:
    """The camera with its picture shifted, turned and scaled a little about the face."""
    points = project_points(camera, vertices)[:, :2]
    drawn = torch.randn(4, generator=generator, dtype=torch.float64).numpy()
    shift = drawn[:2] * DRIFT * float(np.ptp(points[:, 0]))
    angle, scale = drawn[2] * TURN, 1 + drawn[3] * GROW
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = points.mean(0)
    similarity = np.eye(3)
    similarity[:2, :2], similarity[:2, 2] = turn, middle - turn @ middle + shift
    # turned pixels are those of a turned head: K stays that of a camera
    K = np.asarray(camera.K, np.float64)
    roll = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    new = similarity @ K @ roll.T
    return Camera(new / new[2, 2], roll @ camera.R, roll @ camera.t, camera.image_size)
