"""From photo to texture and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facekit.geometry.mesh import vertex_normals
from facekit.raster.shade import linear_to_srgb, srgb_to_linear
from facekit.records import BoolArray, FloatArray
from facekit.texture.albedo import (
    Ground,
    SeenAlbedo,
    complete_albedo,
    confidence_map,
    is_symmetric,
    seen_albedo,
)
from facekit.texture.chart import Chart, make_chart
from facekit.texture.render import render_layer
from facekit.texture.shading import LEAST, LIGHT_SKIN, even_light, shading, trusted_light, unit, whiteness
from facekit.texture.unwrap import Unwrapped, unwrap

if TYPE_CHECKING:
    from scenes import World

TEXELS = 128


def unwrapped(world: World, hidden: BoolArray, chart: Chart) -> Unwrapped:
    vertices, faces = world.fit.vertices.astype(np.float64), world.fit.faces
    linear = srgb_to_linear(world.photo.astype(np.float32) / 255)
    return unwrap(linear, hidden, world.camera, vertices, vertex_normals(vertices, faces), faces, chart)


def completed(world: World, hidden: BoolArray, prior: FloatArray) -> FloatArray:
    chart = make_chart(world.model.topology, TEXELS)
    shown = unwrapped(world, hidden, chart)
    normals = vertex_normals(world.fit.vertices.astype(np.float64), world.fit.faces)
    all_skin = chart.covered.astype(np.float32)
    seen = seen_albedo(chart, shown.colour, shading(unit(chart.at(normals)), world.light), shown.trust)
    return complete_albedo(seen, prior, chart, Ground(all_skin, all_skin, all_skin, 0 * all_skin), True)


def flat_prior() -> FloatArray:
    return np.full((TEXELS, TEXELS, 3), 0.4, np.float32)


def test_chart_finds_the_point_of_each_texel(world: World) -> None:
    chart = make_chart(world.model.topology, TEXELS)
    uv = chart.image(chart.at(world.model.topology.uv))
    rows, columns = np.nonzero(chart.covered)
    assert np.abs(uv[rows, columns, 0] - (columns + 0.5) / TEXELS).max() < 1e-5
    assert np.abs(1 - uv[rows, columns, 1] - (rows + 0.5) / TEXELS).max() < 1e-5
    assert is_symmetric(chart)


def test_what_is_unwrapped_renders_as_the_photo(world: World) -> None:
    albedo = completed(world, np.zeros(world.photo.shape[:2], bool), flat_prior())
    attributes = np.zeros((len(world.fit.vertices), 3), np.float32)
    layer = render_layer(
        world.fit.vertices, world.model.topology, albedo, world.light, world.camera, attributes
    )
    inner = layer.cover > 0.999
    inner[1:-1, 1:-1] &= inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    again = linear_to_srgb(np.clip(layer.colour, 0, 1))
    error = np.abs(again - world.photo / 255.0).max(-1)
    assert inner.sum() > 1500
    assert np.quantile(error[inner], 0.98) < 0.012
    wrong = replace(world.light, sh=1.1 * world.light.sh)
    layer = render_layer(world.fit.vertices, world.model.topology, albedo, wrong, world.camera, attributes)
    again = linear_to_srgb(np.clip(layer.colour, 0, 1))
    assert np.quantile(np.abs(again - world.photo / 255.0).max(-1)[inner], 0.98) > 0.012  # must fail


def test_nothing_hidden_is_trusted(world: World) -> None:
    chart = make_chart(world.model.topology, TEXELS)
    hidden = world.hide(slice(0, 48), slice(0, 96))  # the subject's right half, on the left of the photo
    shown = unwrapped(world, hidden, chart)
    x = chart.at(world.fit.vertices)[:, 0]
    assert shown.trust[x < 0].max() == 0
    assert np.median(shown.trust[x > 0.02]) == 1


def test_the_back_is_not_seen(world: World) -> None:
    chart = make_chart(world.model.topology, TEXELS)
    behind = replace(world, camera=replace(world.camera, R=np.diag([-1.0, -1.0, 1.0])))
    shown = unwrapped(behind, np.zeros(world.photo.shape[:2], bool), chart)
    assert shown.trust.max() == 0


def test_confidence_tells_seen_mirrored_and_invented(world: World) -> None:
    chart = make_chart(world.model.topology, TEXELS)
    hidden = world.hide(slice(0, 48), slice(0, 96))
    hidden[60:] = True  # and the lower part of both sides
    shown = unwrapped(world, hidden, chart)
    confidence = confidence_map(chart.image(shown.trust), chart.covered, True)[chart.covered]
    points = chart.at(world.fit.vertices)
    up, away = points[:, 1] > -0.01, np.abs(points[:, 0]) > 0.02
    middle = (np.abs(points[:, 0]) < 0.06) & (points[:, 1] < 0.08)
    left, right = points[:, 0] > 0, points[:, 0] < 0
    assert (confidence[left & up & away & middle] == 255).mean() > 0.97
    assert (confidence[right & up & away & middle] == 128).mean() > 0.97
    assert (confidence[points[:, 1] < -0.045] == 0).all()


def test_hidden_skin_comes_from_the_mirror_side(world: World) -> None:
    hidden = world.hide(slice(24, 46))
    albedo = completed(world, hidden, flat_prior())
    chart = make_chart(world.model.topology, TEXELS)
    truth = world.albedo[::2, ::2]
    middle = np.zeros_like(chart.covered)
    middle[24:104, 24:104] = True
    assert np.abs(albedo - truth)[middle].max() < 0.06
    assert np.abs(flat_prior() - truth)[middle].max() > 0.06  # must fail


def test_light_of_a_poor_fit_loses_its_direction_and_keeps_its_level(world: World) -> None:
    normals = vertex_normals(world.fit.vertices.astype(np.float64), world.fit.faces)
    assert trusted_light(world.light, normals, 0.02) is world.light
    tamed = trusted_light(world.light, normals, 0.2)
    assert np.allclose(tamed.sh[1:], LEAST * world.light.sh[1:])
    assert np.allclose(shading(normals, tamed).mean(0), shading(normals, world.light).mean(0), atol=1e-4)
    even = even_light(world.light, normals)
    assert not even.sh[1:].any()
    assert world.light.sh[1:].any()  # must fail
    assert np.allclose(shading(normals, even).mean(0), shading(normals, world.light).mean(0), atol=1e-4)


def test_light_that_is_too_weak_for_the_skin_is_made_stronger(world: World) -> None:
    normals = vertex_normals(world.fit.vertices.astype(np.float64), world.fit.faces)
    shade = shading(normals, world.light)
    assert whiteness(0.5 * shade, shade) == 1.0
    assert np.isclose(whiteness(2.4 * shade, shade), 2.4 / LIGHT_SKIN[1])
    assert whiteness(shade[:0], shade[:0]) == 1.0


def under_hair(world: World, tones: float) -> FloatArray:
    """An albedo (T, T, 3) seen above a hard cut: skin in two tones, then dark hair."""
    chart = make_chart(world.model.topology, TEXELS)
    log = np.full((TEXELS, TEXELS, 3), np.log(0.4), np.float32)
    log[:, ::2] += tones
    log[:, 1::2] -= tones
    log[44:] = np.log(0.02)
    trust = np.zeros((TEXELS, TEXELS), np.float32)
    trust[:64] = 1
    skin = chart.covered.astype(np.float32)
    return complete_albedo(
        SeenAlbedo(log, trust), flat_prior(), chart, Ground(skin, skin, skin, 0 * skin), False
    )


def test_hair_that_the_mask_cuts_fades(world: World) -> None:
    column = np.log(under_hair(world, 0.0)[:, 64].mean(-1))
    steps = np.abs(np.diff(column))
    assert steps[58:].max() < 0.9  # of 3 between hair and skin, which a cut would make at once
    assert column[52] < np.log(0.03)
    assert column[75:110].min() > np.log(0.3)
    assert steps[43] > 2  # what the photo shows stays


def test_hair_is_not_carried_into_uneven_skin(world: World) -> None:
    """However much the seen face varies, what is a hundredth of its albedo is not skin."""
    assert under_hair(world, 0.5)[80:110, 30:100].min() > 0.2


def test_unseen_skin_goes_on_from_the_skin_beside_it_and_not_from_hair(world: World) -> None:
    """Most of what is seen is hair of many tones; a strip of light skin lies along the mask."""
    chart = make_chart(world.model.topology, TEXELS)
    log = np.full((TEXELS, TEXELS, 3), np.log(0.7), np.float32)
    log[:44] = np.linspace(np.log(0.02), np.log(0.2), TEXELS)[:, None]
    trust = np.zeros((TEXELS, TEXELS), np.float32)
    trust[:64] = 1
    skin = chart.covered.astype(np.float32)
    albedo = complete_albedo(
        SeenAlbedo(log, trust), flat_prior() / 4, chart, Ground(skin, skin, skin, 0 * skin), False
    )
    assert albedo[66:74, 30:100].min() > 0.55
