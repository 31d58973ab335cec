"""Patch experts: patches follow the surface, features ignore gain, regressions find displacements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from invented_faces import CENTRE, shell, view

from facekit.fitting.experts import Experts, Lesson, learn_experts
from facekit.fitting.patches import Patches, cut_patches, describe, tangents
from facekit.fitting.view import FRONTAL, View
from facekit.geometry.mesh import vertex_normals

STRAIGHT = View(FRONTAL, CENTRE, 1500.0, 1e6, CENTRE)


def photo(shift: float = 0.0) -> np.ndarray:
    """A picture whose brightness and redness vary smoothly, moved right by ``shift`` px."""
    y, x = np.mgrid[:512, :512].astype(np.float64)
    x = x - shift
    waves = [np.sin(x / 23 + y / 60), np.cos(x / 31 - y / 45), np.sin(y / 27)]
    return np.stack([127 + 90 * w for w in waves], -1).astype(np.uint8)


def points() -> tuple[np.ndarray, np.ndarray]:
    vertices, faces, _ = shell()
    pick = np.array([300, 278, 250, 330])
    return vertices[pick], vertex_normals(vertices, faces)[pick]


def test_tangents_are_orthonormal_and_upright() -> None:
    normals = points()[1]
    t = tangents(normals)
    np.testing.assert_allclose(
        np.einsum("pik,pil->pkl", t, t), np.broadcast_to(np.eye(2), (4, 2, 2)), atol=1e-9
    )
    np.testing.assert_allclose(np.einsum("pik,pi->pk", t, normals), 0.0, atol=1e-9)
    assert (t[:, 1, 1] > 0).all()
    assert (t[:, 0, 0] > 0).all()


def test_patches_move_with_the_face() -> None:
    place, normal = points()
    here = cut_patches(photo(), None, STRAIGHT, place, normal)
    moved = replace(STRAIGHT, origin=STRAIGHT.origin + np.array([12.0, 0.0]))
    there = cut_patches(photo(12.0), None, moved, place, normal)
    np.testing.assert_allclose(here.features, there.features, atol=0.05)
    other = cut_patches(photo(), None, moved, place, normal)
    assert np.abs(here.features - other.features).max() > 0.2


def test_hidden_and_turned_away_points_are_not_used() -> None:
    place, normal = points()
    hidden = np.zeros((512, 512), bool)
    x, y = STRAIGHT.project(place)[0].astype(int)
    hidden[y - 20 : y + 20, x - 20 : x + 20] = True
    assert not cut_patches(photo(), hidden, STRAIGHT, place, normal).usable[0]
    assert cut_patches(photo(), None, STRAIGHT, place, normal).usable[0]
    assert not cut_patches(photo(), None, STRAIGHT, place, -normal).usable.any()


def test_features_ignore_gain() -> None:
    samples = np.random.default_rng(0).uniform(0.2, 0.4, (5, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(describe(samples), describe(2 * samples), atol=0.35)


def test_learned_displacements_are_found_and_stored() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 1e-3, (2, 10, 2))

    def lesson() -> Lesson:
        features = rng.standard_normal((2, 10))
        move = np.einsum("pd,pdk->pk", features, true) + rng.normal(0, 1e-4, (2, 2))
        places, frames = np.full((2, 2), 100.0), np.broadcast_to(1500.0 * np.eye(2), (2, 2, 2))
        return Lesson(Patches(features, np.ones(2, bool), places, frames), places + 1500.0 * move)

    lessons = [lesson() for _ in range(200)]
    experts, unseen = learn_experts(lessons, np.zeros((2, 3)), ridge=0.1)
    np.testing.assert_allclose(experts.weights, true, atol=1e-4)
    gap = np.array([np.linalg.norm(s - x.truth, axis=1).mean() for s, x in zip(unseen, lessons, strict=True)])
    assert np.nanmean(gap) < 0.4  # px: the noise; without experts it would be 6
    back = Experts.from_arrays(experts.arrays())
    np.testing.assert_allclose(back.weights, experts.weights, atol=2e-6)


def test_a_leap_is_no_correction() -> None:
    patches = cut_patches(photo(), None, view(0.0, 0.0, 0.0), *points())
    experts = Experts(points()[0], np.zeros((4, patches.features.shape[1], 2)), np.full((4, 2), 0.02))
    assert np.isnan(experts.points(patches)).all()
