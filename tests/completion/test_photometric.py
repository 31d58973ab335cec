"""The photometric term: small at the truth, larger beside it, with a true gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facekit.completion.photometric import Photometric
from facekit.errors import UsageError
from facekit.geometry.camera import orbit
from facekit.raster.scene import Style, TextureMap, render_view
from facekit.records import Light


@pytest.fixture(scope="module")
def seen(model, cases):
    """A fit with albedo, light and a camera before it, and the photo that they give."""
    fit = cases["mouth"][0]
    camera = orbit(0.2, 0.0, 1.0, (160, 160), target=np.array([0.0, 0.0, 0.05]))
    sh = np.zeros((9, 3), np.float32)
    sh[0], sh[2], sh[3] = 2.6, 0.6, 0.5
    code = replace(fit.code, albedo=np.full(model.albedo.size, 0.3, np.float32))
    fit = replace(fit, camera=camera, light=Light(sh), code=code)
    texture = np.clip(model.albedo.instance(code.albedo), 0, 1).astype(np.float32)
    skin = TextureMap(texture, model.topology.uv, model.topology.uv_faces)
    background = np.zeros((160, 160, 3), np.uint8)
    vertices, style = fit.vertices.astype(float), Style(fit.light)
    photo = render_view(vertices, fit.faces, camera, colours=skin, style=style, background=background)
    return fit, photo, Photometric(photo, fit, model)


def test_the_fit_explains_its_own_photo_and_a_moved_face_does_not(seen):
    fit, _, term = seen
    moved = fit.vertices + np.array([[[0.0, 0, 0]], [[0.01, 0, 0]], [[0.02, 0, 0]]])
    off = term(moved.astype(float))[0]
    assert off[0] < 0.015
    assert off[0] < 0.7 * off[1] < off[2]


def test_what_the_photo_does_not_show_has_no_say(seen, model):
    fit, _, term = seen
    _, slope = term(fit.vertices[None].astype(float))
    touched = np.flatnonzero(np.abs(slope[0]).max(1))
    faces = fit.faces[(np.isin(fit.faces, touched)).any(1)]
    near = np.zeros(len(model.mean), bool)
    near[faces] = True
    lips = model.topology.regions["lips"] > 0
    assert len(touched) > 100
    assert not near[lips & ~fit.visible].all()
    assert np.abs(slope[0][lips & (model.mean[:, 1] < np.median(model.mean[lips, 1]))]).max() == 0


def test_gradient_equals_finite_differences(seen, model):
    fit, _, term = seen
    rng = np.random.default_rng(0)
    code = 0.1 * rng.normal(size=model.size)
    shape = fit.vertices + np.tensordot(code, model.basis.astype(float), 1)
    along = np.tensordot(rng.normal(size=model.size), model.basis.astype(float), 1)
    slope = float((term(shape[None])[1][0] * along).sum())
    step = 1e-5
    above, below = term(np.stack([shape + step * along, shape - step * along]))[0]
    assert (above - below) / (2 * step) == pytest.approx(slope, rel=0.02)
    assert slope != pytest.approx(float((term(shape[None])[1][0] * -along).sum()), rel=0.5)


def test_what_cannot_be_compared_is_refused(seen, model):
    fit, photo, _ = seen
    with pytest.raises(UsageError, match="size"):
        Photometric(photo[:100], fit, model)
    with pytest.raises(UsageError, match="albedo"):
        Photometric(photo, fit, replace(model, albedo=None))
    with pytest.raises(UsageError, match="nothing of the face"):
        Photometric(photo, replace(fit, visible=np.zeros_like(fit.visible)), model)
