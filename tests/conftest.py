"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # as the facekit command does; before numba and torch load

import numpy as np
import pytest

from facekit.records import (
    Camera,
    Code,
    Completion,
    Ensemble,
    FaceMotion,
    Fit,
    Headset,
    Landmarks,
    Light,
    Motion,
    Record,
    Step,
)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of large test data beside the source tree; tests that need it are skipped without it."""
    path = ROOT.parent / "shared"
    if not (path / "data").is_dir():
        pytest.skip("needs the test data folder 'shared' beside the source tree")
    return path


@pytest.fixture
def records() -> dict[str, Record]:
    """One small valid record of each kind, with values that differ from field to field."""
    return _records()


@pytest.fixture(scope="session")
def same_records() -> dict[str, Record]:
    """Those of ``records``, made once; not to be written to."""
    return _records()


def _records() -> dict[str, Record]:
    rng = np.random.default_rng(0)

    def floats(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    step = Step("facekit detect 'my photo.jpg'", "0.1.0", 7, "default@0123456789ab")
    size = np.array([640, 480], np.int32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    landmarks = Landmarks(
        scheme="ibug68",
        points=floats(68, 2),
        depth=np.full(68, np.nan, np.float32),
        sigma=np.where(np.arange(68) < 4, np.inf, 1.5).astype(np.float32),
        hidden=np.arange(68) < 20,
        score=float("nan"),
        box=np.array([10, 20, 300, 400], np.float32),
        crop=rng.normal(size=(3, 3)),
        image_size=size,
        detector="imported",
        history=(step,),
    )
    K = np.diag([*rng.uniform(400, 900, 2), 1.0])
    camera = Camera(K=K, R=np.eye(3), t=rng.normal(size=3), image_size=size)
    light = Light(sh=floats(9, 3))
    code = Code(identity=floats(5), expression=floats(3), local=floats(0), albedo=floats(2))
    fit = Fit(
        model="default",
        model_sha256="0" * 64,
        code=code,
        arkit=floats(3),
        arkit_names=np.array(["jawOpen", "eyeBlink_L", "eyeBlink_R"]),
        camera=camera,
        light=light,
        vertices=floats(4, 3),
        faces=faces,
        visible=np.array([True, True, False, True]),
        landmarks68=floats(68, 3),
        landmarks68_2d=floats(68, 2),
        landmarks=landmarks,
        covariance=floats(8, 8),
        photo_sha256="1" * 64,
        outcome="The fit converged.",
        stats='{"iterations": 12, "residual": 1.5}',
        history=(step, Step("facekit fit-3dmm photo.jpg", "0.1.0")),
    )
    ensemble = Ensemble(
        model="default",
        model_sha256="0" * 64,
        method="global+local+dpp",
        codes=floats(2, 8),
        vertices=floats(2, 4, 3),
        faces=faces,
        landmarks68=floats(2, 68, 3),
        hidden=np.array([False, False, True, False]),
        quality=np.array([0.5, 1.0], np.float32),
        stats="{}",
    )
    completion = Completion(
        window=np.array([1, 2, 4, 4], np.int32),
        patches=rng.integers(0, 256, (2, 2, 3, 3), np.uint8),
        mask=np.array([[True, False, True], [False, True, True]]),
        textures=rng.integers(0, 256, (2, 8, 8, 3), np.uint8),
        confidence=rng.integers(0, 256, (8, 8), np.uint8),
        image_size=size,
        photo_sha256="1" * 64,
        stats='{"psnr": [20.5, 21.0]}',
    )
    motion = Motion(
        clip="wave",
        subject="anna",
        fps=30.0,
        joint_names=np.array(["root", "neck", "left_wrist", "right_wrist"]),
        parents=np.array([-1, 0, 1, 1], np.int32),
        offsets=floats(4, 3),
        rotations=floats(5, 4, 3),
        root=floats(5, 3),
    )
    headset = Headset(
        fps=72.0, scale=1.05, rotations=np.tile(np.eye(3), (5, 3, 1, 1)), positions=floats(5, 3, 3)
    )
    face_motion = FaceMotion(
        clip="talking",
        subject="anna",
        fps=30.0,
        latents=floats(5, 8),
        vertices=floats(5, 4, 3),
        faces=faces,
        misfit=np.arange(5, dtype=np.float32),
    )
    all_kinds = (
        *(landmarks, camera, light, code, fit, ensemble, completion),
        *(motion, headset, face_motion),
    )
    return {record.KIND: record for record in all_kinds}
