"""Pictures: colours, alpha, backgrounds, textures, light."""

import numpy as np
import pytest
import trimesh

from facekit.geometry.camera import FLIP, intrinsics, orbit
from facekit.raster.scene import Style, TextureMap, render_view
from facekit.raster.shade import Y0, linear_to_srgb
from facekit.records import Camera, Light

QUAD = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]], float)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
# one metre is 16 px: the quad fills the middle 16 x 16 px of 32 x 24
CAMERA = Camera(K=intrinsics(32, (32, 24)), R=FLIP, t=np.array([0, 0, 2.0]), image_size=np.array([32, 24]))
INSIDE = np.zeros((24, 32), bool)
INSIDE[4:20, 8:24] = True
BARE = Style(lit=False)  # the colours as they are


def test_flat_colours_come_out_as_they_went_in():
    for colour in ((255, 0, 10), (1, 2, 3), (128, 128, 128)):
        picture = render_view(QUAD, FACES, CAMERA, colours=np.array(colour, np.uint8), style=BARE)
        assert picture.shape == (24, 32, 4)
        assert picture.dtype == np.uint8
        assert (picture[INSIDE] == (*colour, 255)).all()
        assert (picture[~INSIDE] == 0).all()


def test_floats_are_linear():
    picture = render_view(QUAD, FACES, CAMERA, colours=np.array([0.5, 0.25, 0.0]), style=BARE)
    expected = np.rint(linear_to_srgb(np.array([0.5, 0.25, 0.0])) * 255)
    assert (picture[INSIDE][:, :3] == expected).all()


def test_edges_are_mixed_in_linear_light():
    """A quad half a pixel wider: its outer columns cover half of their pixels."""
    wide = QUAD * [1 + 1 / 16, 1, 1]
    picture = render_view(wide, FACES, CAMERA, colours=np.ones(3), style=BARE)
    assert picture[10, 7, 3] == pytest.approx(128, abs=1)
    assert (picture[10, 7, :3] == 255).all()  # straight alpha: the colour is not darkened
    over = render_view(
        wide, FACES, CAMERA, colours=np.ones(3), background=np.zeros((24, 32, 3), np.uint8), style=BARE
    )
    assert over[10, 7, 0] == pytest.approx(188, abs=1)  # half of the light


def test_outside_the_mesh_the_background_is_untouched():
    photo = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    picture = render_view(QUAD, FACES, CAMERA, background=photo)
    np.testing.assert_array_equal(picture[~INSIDE], photo[~INSIDE])
    assert (picture[INSIDE] != photo[INSIDE]).any()
    np.testing.assert_array_equal(
        render_view(QUAD, FACES, CAMERA, background=photo, style=Style(opacity=0.0)), photo
    )


def test_size_scales_the_view():
    picture = render_view(QUAD, FACES, CAMERA, (48, 64))
    np.testing.assert_array_equal(picture[..., 3] > 0, INSIDE.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_texture_lies_the_right_way_up(kind):
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:2, :, 0] = 255  # top half red, right half green
    pixels[:, 2:, 1] = 255
    texture = TextureMap(pixels if kind == np.uint8 else (pixels / 255).astype(kind), UV, FACES)
    picture = render_view(QUAD, FACES, CAMERA, colours=texture, style=BARE)
    assert picture[5, 9].tolist() == [255, 0, 0, 255]
    assert picture[5, 22].tolist() == [255, 255, 0, 255]
    assert picture[18, 9].tolist() == [0, 0, 0, 255]
    assert picture[18, 22].tolist() == [0, 255, 0, 255]


def test_even_light_multiplies_the_albedo():
    sh = np.zeros((9, 3), np.float32)
    sh[0] = 0.5 / Y0
    picture = render_view(QUAD, FACES, CAMERA, colours=np.array([0.8, 0.4, 0.2]), style=Style(Light(sh=sh)))
    expected = np.rint(linear_to_srgb(np.array([0.4, 0.2, 0.1])) * 255)
    assert (picture[INSIDE][:, :3] == expected).all()


def test_light_from_the_left_lights_the_left():
    ball = trimesh.creation.icosphere(subdivisions=3)
    sh = np.zeros((9, 3), np.float32)
    sh[0], sh[3] = 1.0, 1.0  # +x, the subject's left, the right of the picture
    picture = render_view(
        ball.vertices * 0.1, ball.faces, orbit(0, 0, 0.8, (64, 64)), style=Style(Light(sh=sh))
    )
    assert int(picture[32, 48, 0]) > int(picture[32, 16, 0]) + 30


def test_without_light_the_view_shows_form():
    ball = trimesh.creation.icosphere(subdivisions=3)
    picture = render_view(ball.vertices * 0.1, ball.faces, orbit(1.0, 0.5, 0.8, (64, 64)))
    shown = picture[picture[..., 3] == 255][:, 0]
    assert np.ptp(shown.astype(int)) > 60
    assert int(picture[22, 24, 0]) > int(picture[42, 40, 0])  # the lamp stands to the left and above


def test_the_inside_of_an_open_mesh_is_lit_from_its_own_side():
    sh = np.zeros((9, 3), np.float32)
    sh[0], sh[2] = 0.5, 0.4  # +z
    front = render_view(QUAD, FACES, CAMERA, style=Style(Light(sh=sh)))
    inside = render_view(QUAD, FACES[:, ::-1], CAMERA, style=Style(Light(sh=sh)))
    np.testing.assert_array_equal(front, inside)
    sh[2] *= -1
    assert render_view(QUAD, FACES, CAMERA, style=Style(Light(sh=sh)))[10, 10, 0] < front[10, 10, 0]


def test_more_samples_converge():
    ball = trimesh.creation.icosphere(subdivisions=2)
    views = [
        render_view(
            ball.vertices * 0.1, ball.faces, orbit(0.2, 0.1, 0.8, (48, 48)), style=Style(supersample=k)
        )[..., 3]
        for k in (1, 2, 8)
    ]
    errors = [np.abs(v.astype(float) - views[2]).mean() for v in views[:2]]
    assert errors[1] < errors[0]


def test_a_background_of_another_size_is_named():
    with pytest.raises(ValueError, match="background"):
        render_view(QUAD, FACES, CAMERA, background=np.zeros((10, 10, 3), np.uint8))
