"""The steps of building the default model on small shapes; the whole of it where the source is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from facekit.files.unpickle import read_npz
from facekit.geometry.closest import surface_tree
from facekit.morphable.build import build_model, from_ict
from facekit.morphable.build.chart import disc, doubled, loops, triangle_stretch
from facekit.morphable.build.decimate import Decimation, Plan, quality
from facekit.morphable.build.eye import RINGS, SEGMENTS, cast, ring_faces, sphere_centre
from facekit.morphable.build.source import IctSource
from facekit.morphable.model import FaceModel


def sheet(n: int, height: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A unit sheet of n x n vertices, bulging by ``height``."""
    x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n))
    points = np.stack(
        [x.ravel(), y.ravel(), height * np.cos(1.5 * x.ravel()) * np.cos(1.5 * y.ravel())], axis=1
    )
    cell = np.arange(n * n).reshape(n, n)
    a, b, c, d = (k.ravel() for k in (cell[:-1, :-1], cell[:-1, 1:], cell[1:, 1:], cell[1:, :-1]))
    return points, np.concatenate([np.c_[a, b, c], np.c_[a, c, d]]).astype(np.int32)


def plan(points: np.ndarray, target: int, fixed: np.ndarray | None = None) -> Plan:
    count = len(points)
    border = np.where(np.abs(points[:, :2]).max(axis=1) == 1, 0, -1)
    corner = np.abs(points[:, :2]).min(axis=1) == 1
    fixed = corner if fixed is None else corner | fixed
    return Plan(np.zeros(count, int), (target,), border, fixed, np.ones(count))


def test_decimation_keeps_the_surface_its_border_and_what_is_fixed() -> None:
    points, faces = sheet(21, 0.4)
    fixed = np.arange(len(points)) == 221
    left = Decimation(points[None], faces, plan(points, 120, fixed)).run()
    assert len(np.unique(left)) == 120
    assert 221 in left
    corner = points[left]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert (cross[:, 2] > 0).all()
    assert_allclose(cross[:, 2].sum() / 2, 4.0)  # the border is still the unit square
    assert quality(corner, np.linalg.norm(cross, axis=1)).min() > 0.15
    error = surface_tree(points, left).closest(points).distance
    assert np.sqrt((error**2).mean()) < 0.012
    rough = Decimation(points[None], faces, plan(points, 30)).run()
    coarse = surface_tree(points, rough).closest(points).distance
    assert np.sqrt((coarse**2).mean()) > 2 * np.sqrt((error**2).mean())


def test_decimation_looks_at_every_shape() -> None:
    """A fold that only the second shape has keeps its vertices."""
    points, faces = sheet(21)
    folded = points.copy()
    folded[:, 2] = 0.3 * np.exp(-((points[:, 0] / 0.15) ** 2))
    near = np.abs(points[:, 0]) < 0.25
    flat = np.unique(Decimation(np.stack([points, points]), faces, plan(points, 100)).run())
    both = np.unique(Decimation(np.stack([points, folded]), faces, plan(points, 100)).run())
    assert near[both].sum() > 1.3 * near[flat].sum()


def test_disc_charts_are_injective_and_even() -> None:
    points, faces = sheet(15, 1.0)
    hole = faces[~np.isin(faces, 112).any(axis=1)]  # a hole in the middle is closed for the chart
    for triangles in (faces, hole):
        used, local = np.unique(triangles, return_inverse=True)
        chart = disc(points[used], local.reshape(-1, 3))
        assert doubled(chart, local.reshape(-1, 3)).min() > 0
        assert np.linalg.norm(chart, axis=1).max() < 1 + 1e-9
        stretch, _ = triangle_stretch(points[used], chart, local.reshape(-1, 3), np.ones(len(triangles)))
        assert np.quantile(stretch, 0.95) / np.median(stretch) < 2.0
    assert [len(rim) for rim in loops(hole)] == [56, 6]


def test_eye_rays_meet_a_sphere_and_its_centre_is_found() -> None:
    theta = np.radians(np.repeat(RINGS, SEGMENTS))
    phi = np.tile(np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS, len(RINGS))
    ball = np.c_[np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    ball = np.concatenate([[[0, 0, 1.0]], ball])
    faces = ring_faces(len(RINGS), SEGMENTS)
    corner = ball[faces]
    assert (
        (np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) * corner[:, 0]).sum(1) > 0
    ).all()
    directions = np.array([[0.1, 0.2, 0.97], [-0.5, 0.3, 0.8], [0.4, -0.4, 0.2]])
    triangle, bary = cast(corner, directions)
    hit = np.einsum("nc,ncd->nd", bary, corner[triangle])
    assert_allclose(np.cross(hit, directions), 0, atol=1e-9)
    assert_allclose(bary.sum(axis=1), 1)
    assert_allclose(sphere_centre(ball + np.array([1, 2, 3])), [1, 2, 3], atol=1e-9)


@pytest.fixture(scope="module")
def ict(shared: Path) -> dict[str, np.ndarray]:
    return read_npz(shared / "data" / "ict" / "ict_face_model_light.npz")


@pytest.fixture(scope="module")
def source(ict: dict[str, np.ndarray]) -> IctSource:
    return from_ict(ict)


@pytest.fixture(scope="module")
def rebuilt(ict: dict[str, np.ndarray]) -> FaceModel:
    return build_model(ict)


def test_rebuilding_gives_the_shipped_model(rebuilt: FaceModel, default: FaceModel) -> None:
    for name in ("faces", "uv_faces", "mirror", "parts"):
        assert np.array_equal(getattr(rebuilt.topology, name), getattr(default.topology, name)), name
    assert_allclose(rebuilt.topology.uv, default.topology.uv, atol=1e-6)
    assert_allclose(rebuilt.mean, default.mean, atol=1e-7)
    assert_allclose(rebuilt.basis, default.basis, atol=2e-5)  # one float16 step of the largest displacement
    for name, embedding in default.topology.embeddings.items():
        found = rebuilt.topology.embeddings[name].points(default.mean)
        off = np.linalg.norm(found - embedding.points(default.mean), axis=1)
        assert np.median(off) < 2e-4  # the drawings and the network differ a little from machine to machine
        assert off.max() < 3e-3


def test_the_model_has_the_source_s_covariance(source: IctSource, rebuilt: FaceModel) -> None:
    """Vertices that are source vertices have the source's variance, so the distribution is the same."""
    nose = np.linalg.norm(source.mean[source.landmarks68[30]] - source.mean, axis=1).argmin()
    own = rebuilt.topology.embeddings["ibug68"].faces[30]
    vertex = own[rebuilt.topology.embeddings["ibug68"].bary[30].argmax()]
    theirs = np.einsum("kd,ke->de", source.identity[:, nose], source.identity[:, nose])
    ours = np.einsum("kd,ke->de", rebuilt.basis[:100, vertex], rebuilt.basis[:100, vertex])
    assert_allclose(ours, theirs, rtol=0.01, atol=1e-9)


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_the_surface_follows_the_source(
    source: IctSource, default: FaceModel, rebuilt: FaceModel, seed: int | None
) -> None:
    """Distance of the source's vertices from our surface: 0.07 mm RMS for the mean, 0.10 mm for others."""
    code = np.zeros(100) if seed is None else np.random.default_rng(seed).standard_normal(100)
    theirs = source.mean + np.einsum("k,kvd->vd", code, source.identity)
    corners = default.topology.embeddings["ibug68"]
    ours = _same_person(source, default, code)
    rigid = corners.points(ours) - theirs[source.landmarks68]
    assert np.abs(rigid - rigid[0]).max() < 3e-5  # the same face, up to the shift of the origin
    skin = default.topology.faces[default.topology.part("skin")[default.topology.faces].all(axis=1)]
    narrow = np.unique(source.triangles[: source.narrow])
    tree = surface_tree(ours, skin)
    distance = tree.closest(theirs[narrow] + rigid[0]).distance
    assert np.sqrt((distance**2).mean()) < 0.00012
    assert np.quantile(distance, 0.99) < 0.0005
    off = tree.closest(theirs[narrow] + rigid[0] + [0, 0, 0.002]).distance
    assert np.sqrt((off**2).mean()) > 0.001


def _same_person(source: IctSource, model: FaceModel, code: np.ndarray) -> np.ndarray:
    """Our mesh of the person with the source's code; our modes are a rotation of the source's."""
    marks = model.topology.embeddings["ibug68"]
    ours = marks.points(model.basis[:100].astype(float)).reshape(100, -1)
    theirs = source.identity[:, source.landmarks68].reshape(100, -1)
    turn = np.linalg.lstsq(ours.T, theirs.T, rcond=None)[0]
    full = np.zeros(model.size)
    full[:100] = turn @ code
    return model.instance(full)
