"""Photos: the truth lies where it should, and occluders change nothing outside their mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.errors import UsageError
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.synthetic.face import SyntheticFace
from facekit.synthetic.occluders import KINDS
from facekit.synthetic.photo import PhotoOptions, SyntheticPhoto, render_photo
from facekit.synthetic.scene import MATERIALS

OPTIONS = PhotoOptions(size=160, wild=0.0, yaw=10.0, pitch=8.0)


def material(photo: SyntheticPhoto, points: np.ndarray) -> list[str]:
    """What the photo shows at pixels (N, 2)."""
    column, row = np.floor(points).astype(int).T
    return [("background", *MATERIALS)[i] for i in photo.region[row, column]]


def test_the_same_seed_gives_the_same_bytes(
    model: FaceModel, face: SyntheticFace, photo: SyntheticPhoto
) -> None:
    again = render_photo(model, face, torch.Generator().manual_seed(5), OPTIONS)
    other = render_photo(model, face, torch.Generator().manual_seed(6), OPTIONS)
    np.testing.assert_array_equal(again.image, photo.image)
    np.testing.assert_array_equal(again.camera.R, photo.camera.R)
    assert (other.image != photo.image).mean() > 0.5


def test_landmarks_project_onto_what_they_name(model: FaceModel, photo: SyntheticPhoto) -> None:
    points = model.topology.embeddings["ibug68"].points(photo.vertices.astype(np.float64))
    pixels = project_points(photo.camera, points)[:, :2]
    assert set(material(photo, pixels[[27, 28, 29, 30, 33, 51, 57]])) == {"skin"}
    assert pixels[33, 1] > pixels[27, 1]  # the nose points down in the picture
    assert pixels[45, 0] > pixels[36, 0]  # the subject's left is at the right
    shifted = pixels[[27, 30]] + np.array([75.0, 0.0])
    assert "skin" not in material(photo, np.clip(shifted, 0, 159))  # the check above can fail


def test_eyes_show_where_the_eyeballs_are(model: FaceModel, photo: SyntheticPhoto) -> None:
    rows, columns = np.nonzero(photo.region == 1 + MATERIALS.index("eye"))
    assert len(rows) > 5
    balls = photo.vertices[model.topology.part("left_eye", "right_eye")]
    pixels = project_points(photo.camera, balls)[:, :2]
    spots = np.stack([columns + 0.5, rows + 0.5], axis=1)
    assert max(np.linalg.norm(pixels - spot, axis=1).min() for spot in spots) < 4.0


def test_skin_is_brighter_than_nothing_and_not_flat(photo: SyntheticPhoto) -> None:
    values = photo.image[photo.skin].astype(float)
    assert 20 < values.mean() < 235
    assert values.std() > 8


@pytest.mark.parametrize("kind", KINDS)
def test_occluders_change_nothing_outside_the_mask(
    model: FaceModel, face: SyntheticFace, photo: SyntheticPhoto, kind: str
) -> None:
    options = PhotoOptions(size=160, wild=0.0, yaw=10.0, pitch=8.0, occluder=kind)
    hidden = render_photo(model, face, torch.Generator().manual_seed(5), options)
    assert hidden.mask is not None
    assert hidden.occluded is not None
    np.testing.assert_array_equal(hidden.image, photo.image)
    np.testing.assert_array_equal(hidden.occluded[~hidden.mask], photo.image[~hidden.mask])
    changed = (hidden.occluded != photo.image).any(axis=2)
    assert changed[hidden.mask].mean() > 0.5
    assert 0.02 < hidden.mask[photo.skin].mean() < 0.9


def test_an_unknown_occluder_is_refused(model: FaceModel, face: SyntheticFace) -> None:
    with pytest.raises(UsageError, match="glasses"):
        render_photo(model, face, torch.Generator(), PhotoOptions(size=64, occluder="hat"))


def test_glasses_hide_the_eyes_and_masks_the_mouth(model: FaceModel, face: SyntheticFace) -> None:
    for kind, marks in (("glasses", [36, 39, 42, 45]), ("mask", [51, 57, 8])):
        options = PhotoOptions(size=160, wild=0.0, yaw=10.0, pitch=8.0, occluder=kind)
        photo = render_photo(model, face, torch.Generator().manual_seed(5), options)
        points = model.topology.embeddings["ibug68"].points(photo.vertices.astype(np.float64))[marks]
        column, row = np.floor(project_points(photo.camera, points)[:, :2]).astype(int).T
        assert photo.mask is not None
        assert photo.mask[row, column].all(), kind
