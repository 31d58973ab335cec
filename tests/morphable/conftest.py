"""Face models for the laws: the shipped one, its global+local form, and a small random one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from facekit.files.models import load_model
from facekit.morphable.local import global_local
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import MIRROR, Topology

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode adds no paths, for small_head.py
WIDTH, HEIGHT = 7, 5


def make_small_model(seed: int = 0) -> FaceModel:
    """A sheet of 7 x 5 vertices, symmetric about x = 0, with 6 identity and 3 expression modes."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-0.06, 0.06, WIDTH), np.linspace(-0.04, 0.04, HEIGHT))
    mean = np.stack([x.ravel(), y.ravel(), 0.05 - 4 * x.ravel() ** 2], axis=1)
    cell = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    a, b, c, d = (cell[:-1, :-1], cell[:-1, 1:], cell[1:, 1:], cell[1:, :-1])
    corners = [np.stack([a, b, c], -1), np.stack([a, c, d], -1)]
    faces = np.concatenate([part.reshape(-1, 3) for part in corners]).astype(np.int32)
    mirror = cell[:, ::-1].ravel().astype(np.int32)
    uv = (mean[:, :2] * [7, 10] + 0.5).astype(np.float32)
    topology = Topology(faces, uv, faces, mirror, np.zeros(len(mean), np.uint8), {"face": np.ones(len(mean))})
    free = 0.003 * rng.standard_normal((9, len(mean), 3))
    turned = free[:, mirror] * MIRROR
    identity = np.concatenate([(free + turned)[:3], (free - turned)[3:6]]) / 2
    expression = np.stack([(free[6] + turned[6]) / 2, free[7], turned[7]])
    return FaceModel(
        name="small",
        licence="none",
        topology=topology,
        mean=mean,
        basis=np.concatenate([identity, expression]).astype(np.float32),
        blocks=(Block("identity", 0, 6), Block("expression", 6, 9)),
        expression_names=("jawOpen", "smile_L", "smile_R"),
        expression_scale=np.array([0.25, 0.5, 0.5]),
        lower=np.r_[np.full(6, -np.inf), np.zeros(3)],
        upper=np.r_[np.full(6, np.inf), [4.0, 2.0, 2.0]],
    )


@pytest.fixture(scope="session")
def small() -> FaceModel:
    return make_small_model()


@pytest.fixture(scope="session")
def default() -> FaceModel:
    return load_model("default")


@pytest.fixture(scope="session")
def local(default: FaceModel) -> FaceModel:
    return global_local(default)


@pytest.fixture(scope="session", params=["small", "default", "local"])
def model(request: pytest.FixtureRequest) -> FaceModel:
    """Each of the models in turn: what holds for one holds for all."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, FaceModel)
    return found
