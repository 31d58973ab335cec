"""Fits of the default face whose truth is known, with a part of it hidden."""

import numpy as np
import pytest

from facekit.files.models import load_model
from facekit.morphable.model import FaceModel
from facekit.records import Camera, Fit, Landmarks, Light

SIZE = np.array([512, 512], np.int32)


def hidden_part(model: FaceModel, region: str) -> np.ndarray:
    """(V,) bool: what a mask over the mouth or glasses hide."""
    height = model.mean[:, 1]
    points = model.topology.embeddings["ibug68"].points(model.mean)[:, 1]
    if region == "mouth":
        return height < points[29]
    return (height > points[28]) & (height < points[19] + 0.004)


def made_fit(model: FaceModel, seed: int = 0, region: str = "mouth") -> tuple[Fit, np.ndarray]:
    """A fit to a random face seen from the front with a part hidden, and the true vertices (V, 3) m."""
    rng = np.random.default_rng(seed)
    code = rng.normal(size=model.size)
    expression = model.block("expression").slice
    code[expression] = np.abs(code[expression]) * (rng.random(expression.stop - expression.start) < 0.25)
    truth = model.instance(model.clip(code))
    front = model.mean[:, 2] > np.quantile(model.mean[:, 2], 0.35)
    visible = front & ~hidden_part(model, region) & model.topology.part("skin")
    seen = rng.choice(np.flatnonzero(visible), 200, replace=False)
    posterior = model.posterior(seen, truth[seen] + 1e-3 * rng.normal(size=(200, 3)), 1.5e-3)
    found = model.clip(posterior.mean)
    vertices = model.instance(found)
    landmarks = Landmarks(
        scheme="ibug68",
        points=np.zeros((68, 2), np.float32),
        depth=np.zeros(68, np.float32),
        sigma=np.ones(68, np.float32),
        hidden=np.zeros(68, bool),
        score=1.0,
        box=np.zeros(4, np.float32),
        crop=np.eye(3),
        image_size=SIZE,
        detector="imported",
    )
    fit = Fit(
        model=model.name,
        model_sha256=model.digest,
        code=model.split(found),
        arkit=np.asarray(model.arkit(found), np.float32),
        arkit_names=np.array(model.expression_names),
        camera=Camera(np.diag([900.0, 900.0, 1.0]), np.diag([1.0, -1, -1]), np.array([0, 0, 1.0]), SIZE),
        light=Light(np.zeros((9, 3), np.float32)),
        vertices=vertices.astype(np.float32),
        faces=model.topology.faces,
        visible=visible,
        landmarks68=model.topology.embeddings["ibug68"].points(vertices).astype(np.float32),
        landmarks68_2d=np.zeros((68, 2), np.float32),
        landmarks=landmarks,
        covariance=posterior.covariance.astype(np.float32),
        photo_sha256="0" * 64,
        outcome="made for a test",
        stats="{}",
    )
    return fit, truth


@pytest.fixture(scope="session")
def model() -> FaceModel:
    """The default face."""
    return load_model()


@pytest.fixture(scope="session")
def cases(model: FaceModel) -> dict[str, tuple[Fit, np.ndarray]]:
    """One fit and its truth per hidden part."""
    return {region: made_fit(model, 0, region) for region in ("mouth", "eyes")}
