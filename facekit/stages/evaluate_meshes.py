"""evaluate diversity --from-meshes: the fit to a registered mesh of which a photo would show a part, so that
completions are measured apart from the errors of a fit to pixels.
"""

from __future__ import annotations

import numpy as np

from facekit.errors import NumericalError
from facekit.geometry.camera import project_points
from facekit.morphable.local import regional
from facekit.morphable.model import FaceModel
from facekit.raster.visibility import visible_vertices
from facekit.records import BoolArray, Camera, Fit, FloatArray, Landmarks, Light

NOISE = (
    1e-3  # m, with which a vertex counts as seen; scans and the faces of synth differ from any model by it
)
FRONT_LIGHT = 3.0  # sh[0] of an even light
FEWEST = 20  # vertices


def fit_mesh(
    vertices: FloatArray, camera: Camera, hidden: BoolArray, model: FaceModel, by_region: bool = False
) -> Fit:
    """The model's posterior given those vertices (V, 3) m of a mesh in its topology that ``camera`` shows.

    hidden (H, W) bool, what an occluder covers. ``by_region`` adds the local modes that a fit to a photo may
    use (``morphable.local.regional``): the record has the model's own code and covariance. Light and skin
    are average; the 68 landmarks are the mesh's own. Raises NumericalError where nearly nothing is seen.
    """
    visible = visible_vertices(vertices, model.topology.faces, camera, hidden)
    index = np.flatnonzero(visible & model.topology.part("skin"))
    if len(index) < FEWEST:
        raise NumericalError("the mask hides nearly all of the face; there is nothing to fit to")
    body = regional(model) if by_region else model
    posterior = body.posterior(index, vertices[index], NOISE)
    whole = body.clip(posterior.mean)
    shape, code = body.instance(whole), whole[: model.size]
    sh = np.zeros((9, 3), np.float32)
    sh[0] = FRONT_LIGHT
    albedo = None if model.albedo is None else np.zeros(len(model.albedo.basis))
    points = model.topology.embeddings.get("ibug68")
    marks = np.zeros((68, 3)) if points is None else points.points(shape)
    on_photo = project_points(camera, marks)[:, :2] if points is not None else np.zeros((68, 2))
    return Fit(
        model=model.name,
        model_sha256=model.digest,
        code=model.split(code, albedo),
        arkit=np.asarray(model.arkit(code), np.float32),
        arkit_names=np.array(model.expression_names, dtype=np.str_),
        camera=camera,
        light=Light(sh),
        vertices=shape.astype(np.float32),
        faces=np.asarray(model.topology.faces, np.int32),
        visible=visible,
        landmarks68=marks.astype(np.float32),
        landmarks68_2d=on_photo.astype(np.float32),
        landmarks=_landmarks(on_photo, camera, hidden),
        covariance=posterior.covariance[: model.size, : model.size].astype(np.float32),
        photo_sha256="0" * 64,
        outcome=f"fitted to {len(index)} vertices of a mesh",
        stats="{}",
    )


def _landmarks(points: FloatArray, camera: Camera, hidden: BoolArray) -> Landmarks:
    """The projected landmarks as a record."""
    width, height = (int(x) for x in camera.image_size)
    place = np.clip(points.astype(int), 0, [width - 1, height - 1])
    low, high = points.min(axis=0), points.max(axis=0)
    return Landmarks(
        scheme="ibug68",
        points=points.astype(np.float32),
        depth=np.full(68, np.nan, np.float32),
        sigma=np.ones(68, np.float32),
        hidden=hidden[place[:, 1], place[:, 0]],
        score=1.0,
        box=np.concatenate([low, high]).astype(np.float32),
        crop=np.eye(3),
        image_size=camera.image_size,
        detector="imported",
    )
