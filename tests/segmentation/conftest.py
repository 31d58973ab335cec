"""A drawn face with known labels, and help for the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from facekit.segmentation.examples import BACKGROUND, FACE, Example
from facekit.segmentation.region import face_hull

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode adds no paths
from plain_face import SIDE, plain_landmarks


@pytest.fixture
def landmarks() -> np.ndarray:
    return plain_landmarks()


@pytest.fixture
def example(landmarks: np.ndarray) -> Example:
    """A face of even skin on grey."""
    inside = face_hull(landmarks, (SIDE, SIDE))
    image = np.where(inside[..., None], np.array([200, 150, 130]), 90).astype(np.uint8)
    labels = np.where(inside, FACE, BACKGROUND).astype(np.uint8)
    return Example(image, labels, landmarks.astype(np.float32), True)
