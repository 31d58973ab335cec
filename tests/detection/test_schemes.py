"""Mirror tables and the way from 478 to 68."""

from dataclasses import replace

import numpy as np
import pytest

from facekit.detection.schemes import (
    ANCHORS,
    MESH_OF_IBUG68,
    MIRROR,
    MIRROR_68,
    MIRROR_478,
    in_scheme,
    to_ibug68,
)
from facekit.errors import UsageError
from facekit.records import SCHEMES, Landmarks, Record


def mesh(seed: int = 0) -> Landmarks:
    rng = np.random.default_rng(seed)
    return Landmarks(
        scheme="mediapipe478",
        points=rng.uniform(0, 100, (478, 2)).astype(np.float32),
        depth=rng.normal(size=478).astype(np.float32),
        sigma=np.ones(478, np.float32),
        hidden=np.zeros(478, bool),
        score=0.5,
        box=np.array([0, 0, 100, 100], np.float32),
        crop=np.eye(3),
        image_size=np.array([100, 100], np.int32),
        detector="mediapipe",
    )


@pytest.mark.parametrize(("name", "fixed"), [("mediapipe478", 28), ("ibug68", 10)])
def test_mirror_is_an_involution_with_the_midline_fixed(name: str, fixed: int) -> None:
    mirror = MIRROR[name]
    everyone = np.arange(SCHEMES[name])
    assert sorted(mirror) == list(everyone)
    assert (mirror[mirror] == everyone).all()
    assert (mirror == everyone).sum() == fixed


def test_known_pairs_and_midline_points() -> None:
    for one, other in [(33, 263), (133, 362), (61, 291), (234, 454), (70, 300), (468, 473), (159, 386)]:
        assert MIRROR_478[one] == other
    assert all(MIRROR_478[i] == i for i in (1, 10, 13, 14, 152, 168))
    assert all(MIRROR_68[i] == i for i in (8, 27, 30, 33, 51, 57, 62, 66))
    assert MIRROR_68[36] == 45


def test_the_two_mirrors_agree_through_the_mapping() -> None:
    for i, members in enumerate(MESH_OF_IBUG68):
        assert {int(MIRROR_478[m]) for m in members} == set(MESH_OF_IBUG68[MIRROR_68[i]])


def test_anchors_swap_sides_under_the_mirror() -> None:
    for name, (right_eye, left_eye, right_mouth, left_mouth, chin) in ANCHORS.items():
        mirror = MIRROR[name]
        assert (mirror[right_eye], mirror[right_mouth], mirror[chin]) == (left_eye, left_mouth, chin)


def test_means_of_mesh_points() -> None:
    full = mesh()
    hidden = np.zeros(478, bool)
    hidden[[132, 33]] = True
    small = to_ibug68(replace(full, hidden=hidden, sigma=np.where(hidden, 7, 1).astype(np.float32)))
    assert small.scheme == "ibug68"
    assert small.points.shape == (68, 2)
    assert small.points.dtype == np.float32
    np.testing.assert_allclose(small.points[36], full.points[33])
    np.testing.assert_allclose(small.points[3], (full.points[132] + full.points[58]) / 2, rtol=1e-6)
    assert list(np.flatnonzero(small.hidden)) == [3, 36]
    np.testing.assert_allclose(small.sigma[3], 5)  # root of (49 + 1) / 2
    np.testing.assert_allclose(small.sigma[0], 1)


def test_schemes_that_can_and_cannot_be_had(records: dict[str, Record]) -> None:
    small = records["landmarks"]
    assert isinstance(small, Landmarks)
    assert to_ibug68(small) is small
    assert in_scheme(mesh(), "mediapipe478").scheme == "mediapipe478"
    assert in_scheme(mesh(), "ibug68").scheme == "ibug68"
    with pytest.raises(UsageError, match="68 landmarks"):
        in_scheme(small, "mediapipe478")
    with pytest.raises(UsageError, match="unknown landmark scheme"):
        in_scheme(small, "wflw98")
