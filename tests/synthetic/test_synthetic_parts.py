"""The parts that photos are put together from."""

from __future__ import annotations

import numpy as np

from facekit.morphable.model import FaceModel
from facekit.synthetic.atlas import atlas_of, closed_curve, signed_distance
from facekit.synthetic.lids import tuck_eyes
from facekit.synthetic.light import ambient_occlusion, fibonacci_sphere
from facekit.synthetic.noise import noise_at
from facekit.synthetic.scene import bend, face_surface, refine, smooth_normals
from facekit.synthetic.tone import DARKEST, skin_colour
from facekit.synthetic.zbuffer import depth_map, rasterize_chart


def sphere(rows: int = 24, columns: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere as a closed grid, with outward triangles."""
    from facekit.synthetic.shapes import grid_faces

    polar, turn = np.meshgrid(
        np.linspace(0.01, np.pi - 0.01, rows),
        np.linspace(0, 2 * np.pi, columns, endpoint=False),
        indexing="ij",
    )
    points = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], axis=-1)
    return points.reshape(-1, 3).astype(np.float32), grid_faces(rows, columns, closed=True)


def test_melanin_darkens_and_blood_reddens() -> None:
    tones = skin_colour(np.linspace(0, DARKEST, 30))
    assert (np.diff(tones, axis=0) < 0).all()
    pale, flushed = skin_colour(np.array([1.0]))[0], skin_colour(np.array([1.0]), 0.3)[0]
    assert flushed[0] / flushed[1] > pale[0] / pale[1]


def test_noise_is_standardised_and_repeats_with_its_seed() -> None:
    points = np.random.default_rng(0).uniform(0, 300, (20000, 3))
    first = noise_at(points, 2.0, np.random.default_rng(1))
    np.testing.assert_array_equal(first, noise_at(points, 2.0, np.random.default_rng(1)))
    assert abs(first.mean()) < 0.05
    assert 0.5 < first.std() < 1.05  # interpolation between the cells takes some of the variance
    near = noise_at(points + 0.02, 2.0, np.random.default_rng(1))
    assert np.abs(near - first).mean() < 0.05


def test_the_chart_is_covered_by_its_triangles() -> None:
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    owner, bary = rasterize_chart(uv, np.array([[0, 1, 2], [0, 2, 3]], np.int32), 8)
    assert set(np.unique(owner)) == {0, 1}
    assert owner[0, 0] == 1  # row 0 is the top
    np.testing.assert_allclose(bary.sum(axis=2), 1.0, atol=1e-6)


def test_depth_maps_keep_the_nearest() -> None:
    square = np.array([[0, 0, 0], [8, 0, 0], [8, 8, 0], [0, 8, 0]], np.float32)
    points = np.concatenate([square + np.array([0, 0, 2]), square + np.array([0, 0, 1])]).astype(np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    np.testing.assert_array_equal(depth_map(points, faces, 8), np.ones((8, 8)))
    np.testing.assert_array_equal(depth_map(points, faces[:2], 8), np.full((8, 8), 2.0))
    assert np.isinf(depth_map(points * 0.5, faces, 8)).any()


def test_a_lone_sphere_sees_the_whole_sky_and_one_inside_another_none() -> None:
    points, faces = sphere()
    normals = smooth_normals(points, faces)
    np.testing.assert_allclose(normals, points, atol=0.1)
    assert ambient_occlusion(points, normals, faces, bias=0.05).min() > 0.9
    both = np.concatenate([points, 2 * points])
    faces_both = np.concatenate([faces, faces + len(points)])
    inner = ambient_occlusion(both, np.concatenate([normals, normals]), faces_both, bias=0.05)[: len(points)]
    assert inner.mean() < 0.01


def test_directions_cover_the_sphere_evenly() -> None:
    rays = fibonacci_sphere(200)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1.0, atol=1e-6)
    assert np.abs(rays.mean(axis=0)).max() < 0.01


def test_refinement_keeps_old_vertices_and_rounds_new_ones(model: FaceModel) -> None:
    step = refine(model.topology)
    surface = face_surface(model.topology, model.mean, model.mean * 1000)
    np.testing.assert_array_equal(surface.vertices[: len(model.mean)], model.mean.astype(np.float32))
    assert len(step.faces) == 4 * len(model.topology.faces)
    points, faces = sphere(10, 14)
    edges = np.unique(np.sort(faces[:, :2], axis=1), axis=0)
    straight = np.linalg.norm(points[edges].mean(axis=1), axis=1)
    bent = np.linalg.norm(bend(points, points, edges), axis=1)
    assert np.abs(bent - 1).mean() < 0.6 * np.abs(straight - 1).mean()


def test_tucked_eyes_lie_behind_the_closed_lids(model: FaceModel) -> None:
    code = np.zeros(model.size)
    for name in ("eyeBlink_L", "eyeBlink_R"):
        place = model.expression_names.index(name)
        code[model.block("expression").start + place] = 1 / model.expression_scale[place]
    closed = model.instance(code)
    tucked = tuck_eyes(model.topology, closed)
    eyes = model.topology.part("left_eye", "right_eye")
    np.testing.assert_array_equal(tucked[~eyes], closed[~eyes])
    assert (tucked[eyes, 2] <= closed[eyes, 2] + 1e-9).mean() > 0.6
    moved = np.linalg.norm(tucked - closed, axis=1)[eyes]
    assert moved.max() < 0.006


def test_the_atlas_is_symmetric_and_knows_its_parts(model: FaceModel) -> None:
    atlas = atlas_of(model, 96)
    assert (atlas.covered == atlas.covered[:, ::-1]).mean() > 0.99
    places = atlas.image(atlas.position + 1000.0)
    both = (places[..., 0] > 0) & (places[:, ::-1, 0] > 0)
    error = np.abs((places - 1000)[both] - ((places - 1000)[:, ::-1] * (-1, 1, 1))[both])
    assert np.median(error) < 0.5  # mm
    assert 10 < atlas.eyes[0, 3] < 18


def test_distances_to_a_curve_have_the_right_sign() -> None:
    corners = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    curve = closed_curve(corners, 200)
    points = np.array([[0, 0], [2, 0], [0, 0.5]], np.float32)
    np.testing.assert_allclose(signed_distance(points, curve), [-1, 1, -0.5], atol=0.06)
