"""Small priors over poses, and the motions of tests/motion (pytest's importlib mode adds no paths)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "motion"))

from moves import PLAIN, a_motion
from untrained import make

from facekit.priors.pose_frames import Frames, frames_of
from facekit.priors.pose_prior import PosePrior
from facekit.priors.pose_space import PoseSpace
from facekit.records import Motion


@pytest.fixture(scope="session")
def motions() -> list[Motion]:
    """Six clips of different kinds."""
    return [a_motion(PLAIN, 24, seed, clip=f"kind{'abcdef'[seed]}") for seed in range(6)]


@pytest.fixture(scope="session")
def frames(motions: list[Motion]) -> Frames:
    """Their frames and those of their mirror images."""
    return frames_of(motions, both_sides=True)


@pytest.fixture(scope="session")
def space(frames: Frames) -> PoseSpace:
    """The space of their poses."""
    return PoseSpace.of(PLAIN, frames.rotations)


@pytest.fixture
def prior(request: pytest.FixtureRequest, space: PoseSpace) -> PosePrior:
    """An untrained prior of a kind."""
    return make(request.param, space)
