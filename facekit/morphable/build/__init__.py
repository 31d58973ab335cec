"""The default face model, made from the ICT Face Model Light on facekit's own topology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.morphable.build.atlas import atlas
from facekit.morphable.build.eye import eye_centre
from facekit.morphable.build.half import EAR, NARROW, template_zones
from facekit.morphable.build.landmarks import mediapipe_points, vertex_embedding
from facekit.morphable.build.modes import (
    REST_WEIGHT,
    expression_bounds,
    expression_modes,
    expression_scale,
    identity_modes,
    quantised,
)
from facekit.morphable.build.regions import region_masks
from facekit.morphable.build.source import IctSource, from_ict
from facekit.morphable.build.template import Template, build_template
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import Topology
from facekit.records import BoolArray, FloatArray

LICENCE = "MIT; derived from ICT-FaceKit, Copyright (c) 2020 USC Institute for Creative Technologies"
DRAWN_FACES = 12  # identities drawn for MediaPipe's points, beside the mean


def build_model(arrays: Mapping[str, NDArray[Any]]) -> FaceModel:
    """The default model from the arrays of ``ict_face_model_light.npz``. Deterministic.

    The origin of the head frame is the midpoint between the centres of the mean's eyeballs.
    """
    source = from_ict(arrays)
    template = build_template(source)
    mean = template.transfer @ source.mean - np.array([0.0, *eye_centre(source)[1:]])
    mean = mean.astype(np.float32).astype(np.float64)
    zones = template_zones(source, template.source_vertex)
    narrow, ear = zones == NARROW, zones == EAR
    topology = _topology(source, template, mean, narrow, ear)
    area = np.zeros(len(mean))
    corners = mean[topology.faces]
    size = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    for k in range(3):
        np.add.at(area, topology.faces[:, k], size)
    identity = identity_modes(source, template, area * np.where(narrow, 1.0, REST_WEIGHT))
    names = source.expression_names
    scale = expression_scale(names)
    expression = expression_modes(source, template) * scale[:, None, None]
    count, total = len(identity), len(identity) + len(expression)
    model = FaceModel(
        name="default",
        licence=LICENCE,
        topology=topology,
        mean=mean,
        basis=np.concatenate([quantised(identity), quantised(expression)]),
        blocks=(Block("identity", 0, count), Block("expression", count, total)),
        expression_names=names,
        expression_scale=scale,
        lower=np.r_[np.full(count, -np.inf), np.zeros(len(names))],
        upper=np.r_[np.full(count, np.inf), expression_bounds(names) / scale],
    )
    return _with_mediapipe(model, template)


def _topology(
    source: IctSource, template: Template, mean: FloatArray, narrow: BoolArray, ear: BoolArray
) -> Topology:
    row = {int(i): k for k, i in enumerate(template.source_vertex) if i >= 0}
    vertices = np.array([row[int(i)] for i in source.landmarks68])
    uv, uv_faces = atlas(template, mean, narrow, ear)
    masks = region_masks(mean, template.faces, template.parts, mean[vertices], narrow, ear)
    topology = Topology(template.faces, uv, uv_faces, template.mirror, template.parts, masks)
    points = topology.embed(*vertex_embedding(vertices, template.faces))
    return replace(topology, embeddings={"ibug68": points})


def _with_mediapipe(model: FaceModel, template: Template) -> FaceModel:
    """The model with MediaPipe's points measured on the mean and on faces drawn from it."""
    codes = np.zeros((DRAWN_FACES + 1, model.size))
    random = np.random.default_rng(0).standard_normal((DRAWN_FACES, model.block("identity").size))
    codes[1:, model.block("identity").slice] = 0.8 * random
    shapes = list(model.instance(codes))
    jaw = model.block("expression").start + model.expression_names.index("jawOpen")
    points = mediapipe_points(
        model.topology, model.mean, template.eye_vertices, shapes, np.asarray(model.basis[jaw], np.float64)
    )
    embeddings = {**model.topology.embeddings, "mediapipe478": model.topology.embed(*points)}
    return replace(model, topology=replace(model.topology, embeddings=embeddings))
