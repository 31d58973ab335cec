"""People: what they are made of, and that a seed decides them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.morphable.model import FaceModel
from facekit.synthetic.expression import MOODS, OPPOSITE, sample_expression
from facekit.synthetic.face import FaceOptions, SyntheticFace, off_span, sample_face

SIZE = 160  # texels, as in the fixture


def test_the_same_seed_gives_the_same_person(model: FaceModel, face: SyntheticFace) -> None:
    again = sample_face(model, torch.Generator().manual_seed(4), FaceOptions(texture_size=SIZE))
    other = sample_face(model, torch.Generator().manual_seed(5), FaceOptions(texture_size=SIZE))
    np.testing.assert_array_equal(again.vertices, face.vertices)
    np.testing.assert_array_equal(again.albedo, face.albedo)
    assert np.abs(other.vertices - face.vertices).max() > 1e-3
    assert np.abs(other.albedo - face.albedo).max() > 0.05


def test_vertices_are_the_instance_and_the_displacement(model: FaceModel, face: SyntheticFace) -> None:
    whole = model.instance(face.code) + face.displacement
    np.testing.assert_allclose(face.vertices, whole, atol=1e-7)
    assert (face.code >= model.lower).all()
    assert (face.code <= model.upper).all()


def test_no_identity_mode_can_make_the_displacement(model: FaceModel) -> None:
    field = off_span(model, 0.0008, np.random.default_rng(0))
    modes = model.matrix[model.block("identity").slice]
    found = np.linalg.lstsq(modes.T, field.reshape(-1).astype(np.float64), rcond=None)[0]
    assert np.abs(found).max() < 1e-3
    length = np.sqrt((field**2).sum(axis=1))
    assert 0.0004 < np.sqrt((length**2).mean()) < 0.0012
    edges = np.linalg.norm(field[model.topology.faces[:, 0]] - field[model.topology.faces[:, 1]], axis=1)
    assert np.median(edges) < 0.4 * np.median(length[length > 1e-5])  # smooth


def test_albedo_is_a_colour_where_the_chart_is(face: SyntheticFace, model: FaceModel) -> None:
    from facekit.synthetic.atlas import atlas_of

    atlas = atlas_of(model, SIZE)
    inside = face.albedo[atlas.covered]
    assert (inside > 0).all()
    assert (inside <= 1).all()
    assert (face.albedo[~atlas.covered] == 0).all()


@pytest.mark.parametrize("mood", sorted(MOODS))
def test_moods_name_shapes_that_the_model_has(model: FaceModel, mood: str) -> None:
    for name in MOODS[mood]:
        keys = {name, f"{name}_L", f"{name}_R", OPPOSITE.get(name, name)}
        assert keys & set(model.expression_names), name


def test_expressions_stay_in_bounds(model: FaceModel) -> None:
    rng = np.random.default_rng(0)
    seen = [sample_expression(model.expression_names, rng) for _ in range(60)]
    assert all(0 < value <= 1 for weights in seen for value in weights.values())
    assert len({frozenset(weights) for weights in seen}) > 30
