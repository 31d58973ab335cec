"""What a camera sees of shapes whose answer is known."""

import numpy as np
import pytest
import trimesh

from facekit.geometry.camera import centre, crop, orbit, project_points
from facekit.raster.visibility import inside_picture, unoccluded, visible_vertices

BALL = trimesh.creation.icosphere(subdivisions=3)
V, F = np.asarray(BALL.vertices) * 0.1, np.asarray(BALL.faces, np.int32)
CAMERA = orbit(0.3, 0.2, 0.8, (200, 160))


def cosine(vertices, camera):
    sight = centre(camera) - vertices
    normal = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    return (normal * sight).sum(1) / np.linalg.norm(sight, axis=1)


def test_of_a_ball_the_near_cap_is_seen():
    found = visible_vertices(V, F, CAMERA)
    expected = cosine(V, CAMERA)
    assert found[expected > 0.12].all()
    assert not found[expected < 0.08].any()


def test_depth_alone_finds_the_far_side():
    found = unoccluded(V, F, CAMERA)
    expected = cosine(V, CAMERA)
    assert found[expected > 0.1].all()
    assert not found[expected < -0.3].any()


def test_a_ball_behind_a_ball_is_hidden():
    away = -centre(CAMERA) / np.linalg.norm(centre(CAMERA))
    vertices = np.concatenate([V, 0.5 * V + 0.3 * away])
    found = visible_vertices(vertices, np.concatenate([F, F + len(V)]), CAMERA)
    assert found[: len(V)].sum() == visible_vertices(V, F, CAMERA).sum()
    assert not found[len(V) :].any()


def test_outside_the_picture_nothing_is_seen():
    half = crop(CAMERA, (0, 0, 100, 160))
    whole, left = visible_vertices(V, F, CAMERA), visible_vertices(V, F, half)
    x = project_points(CAMERA, V)[:, 0]
    np.testing.assert_array_equal(left, whole & (x < 100))
    assert 0 < left.sum() < whole.sum()


def test_what_the_picture_cuts_off_still_hides():
    """The depth picture is of the whole mesh, whatever part the photo shows."""
    corner = crop(CAMERA, (90, 70, 110, 90))
    found = visible_vertices(V, F, corner)
    assert found.any()
    np.testing.assert_array_equal(
        found, visible_vertices(V, F, CAMERA) & inside_picture(project_points(corner, V), corner)
    )


def test_under_the_mask_nothing_is_seen():
    mask = np.zeros((160, 200), bool)
    mask[:, :100] = True
    x = project_points(CAMERA, V)[:, 0]
    np.testing.assert_array_equal(
        visible_vertices(V, F, CAMERA, mask), visible_vertices(V, F, CAMERA) & (x >= 100)
    )
    assert not visible_vertices(V, F, CAMERA, np.ones((160, 200), bool)).any()


def test_behind_the_camera_nothing_is_seen():
    behind = V + 2 * centre(CAMERA)
    assert not visible_vertices(behind, F, CAMERA).any()


@pytest.mark.parametrize("pixels", [(50, 40), (2000, 1600)])
def test_the_photos_resolution_does_not_matter(pixels):
    found = visible_vertices(V, F, orbit(0.3, 0.2, 0.8, pixels))
    assert (found == visible_vertices(V, F, CAMERA)).mean() > 0.995
