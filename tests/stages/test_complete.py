"""complete, its folder and its reports, on a photo of which everything is known."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facekit.errors import UsageError
from facekit.files import folder as files
from facekit.files.assets import asset
from facekit.files.images import read_photo
from facekit.files.meshes import read_mesh
from facekit.files.npz import read_record
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit, Landmarks
from facekit.stages.complete import complete
from facekit.stages.report import Case, contact_sheet, figures, page
from facekit.texture.albedo import MIRRORED
from facekit.texture.options import TextureOptions
from facekit.texture.patch import paste

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "texture"))

from scenes import World, make_world

HIDDEN = (slice(24, 46), slice(34, 62))


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


@pytest.fixture(scope="module")
def hidden(world: World) -> BoolArray:
    return world.hide(HIDDEN[0], HIDDEN[1])


@pytest.fixture(scope="module")
def occluded(world: World, hidden: BoolArray) -> ByteArray:
    photo = world.photo.copy()
    photo[hidden] = (20, 200, 40)
    return photo


def run(world: World, photo: ByteArray, hidden: BoolArray, n: int, seed: int = 0) -> Completion:
    generator = torch.Generator().manual_seed(seed)
    return complete(photo, hidden, world.fit, world.ensemble(n), world.model, generator, 256)


def test_a_grey_photo_gets_grey_faces(world: World, occluded: ByteArray, hidden: BoolArray) -> None:
    grey = np.repeat(occluded.mean(-1, keepdims=True).astype(np.uint8), 3, axis=2)
    completion = run(world, grey, hidden, 2)
    assert np.ptp(completion.patches[:, completion.mask], axis=-1).max() == 0
    assert np.ptp(completion.textures, axis=-1).max() == 0
    coloured = run(world, occluded, hidden, 2)
    assert np.ptp(coloured.patches[:, coloured.mask], axis=-1).max() > 0


def test_parts_of_the_method_can_be_left_out(world: World, occluded: ByteArray) -> None:
    side = world.hide(slice(20, 70), slice(48, 76))
    outcome = {}
    for options in (TextureOptions(), TextureOptions(symmetric=False), TextureOptions(separate_light=False)):
        generator = torch.Generator().manual_seed(0)
        photo = np.where(side[..., None], np.uint8(128), world.photo)
        completion = complete(
            photo, side, world.fit, world.ensemble(1), world.model, generator, 256, options=options
        )
        error = paste(photo, completion, 0).astype(float) - world.photo
        outcome[options] = np.sqrt((error[side] ** 2).mean()), (completion.confidence == MIRRORED).any()
    (whole, mirrored), (_, without), (unlit, _) = outcome.values()
    assert mirrored
    assert not without
    assert whole < unlit
    with pytest.raises(UsageError, match="inpainter"):
        TextureOptions(inpainter="magic")


@pytest.fixture(scope="module")
def case(world: World, occluded: ByteArray, hidden: BoolArray) -> Case:
    completion = run(world, occluded, hidden, 2)
    return Case("a</script>b.png", occluded, hidden, world.fit, world.ensemble(2), completion, world.model, 0)


def test_only_hidden_pixels_change_and_they_come_near_the_truth(
    world: World, case: Case, hidden: BoolArray
) -> None:
    result = paste(case.photo, case.completion, 0)
    assert (result[~hidden] == case.photo[~hidden]).all()
    error = np.abs(result.astype(float) - world.photo)[hidden]
    assert error.mean() < 6
    assert np.abs(case.photo.astype(float) - world.photo)[hidden].mean() > 60  # must fail


def test_light_that_was_fitted_too_weak_does_not_burn_the_texture_out(
    world: World, occluded: ByteArray, hidden: BoolArray, case: Case
) -> None:
    dim = replace(world.fit, light=replace(world.fit.light, sh=world.fit.light.sh / 4))
    found = complete(occluded, hidden, dim, world.ensemble(2), world.model, torch.Generator(), 256)
    cheek = (slice(90, 170), slice(100, 160))
    assert found.textures[0][cheek].max() < 245
    apart = np.abs(found.patches[0].astype(float) - case.completion.patches[0])[found.mask]
    assert apart.mean() < 3


def test_same_seed_same_bytes(world: World, occluded: ByteArray, hidden: BoolArray, case: Case) -> None:
    again = run(world, occluded, hidden, 2)
    assert (again.patches == case.completion.patches).all()
    assert (again.textures == case.completion.textures).all()


def test_a_mask_beside_the_face_is_filled_and_said(world: World) -> None:
    hidden = world.hide(slice(2, 10), slice(4, 12))
    completion = run(world, world.photo, hidden, 1)
    assert not json.loads(completion.stats)["mask_on_face"]
    result = paste(world.photo, completion, 0)
    assert np.abs(result.astype(int) - world.photo).max() <= 3


def test_an_empty_mask_changes_nothing(world: World) -> None:
    completion = run(world, world.photo, np.zeros(world.photo.shape[:2], bool), 1)
    assert (paste(world.photo, completion, 0) == world.photo).all()


def test_large_photos_are_completed_at_full_size(
    world: World, occluded: ByteArray, hidden: BoolArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.texture.window.WORKING", 40)
    completion = run(world, occluded, hidden, 1)
    result = paste(occluded, completion, 0)
    assert (result[~hidden] == occluded[~hidden]).all()
    assert np.abs(result.astype(float) - world.photo)[hidden].mean() < 8


def test_parts_that_do_not_belong_together_are_refused(world: World, hidden: BoolArray) -> None:
    generator = torch.Generator()
    with pytest.raises(UsageError, match="different sizes"):
        complete(world.photo, hidden[1:], world.fit, world.ensemble(1), world.model, generator)
    other = replace(world.ensemble(1), model_sha256="1" * 64)
    with pytest.raises(UsageError, match="different face models"):
        complete(world.photo, hidden, world.fit, other, world.model, generator)
    with pytest.raises(UsageError, match="texels"):
        complete(world.photo, hidden, world.fit, world.ensemble(1), world.model, generator, 100)


def contents(case: Case) -> files.CompletionFolder:
    template = asset("report.html").read_text()
    return files.CompletionFolder(
        case.photo,
        case.model.topology,
        case.fit,
        case.ensemble,
        case.completion,
        contact_sheet(case),
        page(case, template),
        figures(case),
    )


def test_folder_holds_what_the_design_promises(case: Case, tmp_path: Path) -> None:
    target = tmp_path / "out"
    files.write_completion_folder(target, contents(case))
    names = {path.name for path in target.iterdir()}
    faces = {f"face_{i:02d}.{suffix}" for i in range(2) for suffix in ("obj", "mtl", "png", "glb")}
    pictures = {f"completed_{i:02d}.png" for i in range(2)}
    records = {f"{name}.npz" for name in ("landmarks", "fit", "ensemble", "completion")}
    assert names == faces | pictures | records | {"contact.png", "report.html", "report.json"}
    assert (read_photo(target / "completed_01.png").pixels == paste(case.photo, case.completion, 1)).all()
    mesh = read_mesh(target / "face_00.obj")
    assert np.abs(mesh.vertices - case.ensemble.vertices[0]).max() < 1e-5
    assert mesh.texture is not None
    assert (mesh.texture == case.completion.textures[0]).all()
    for name, cls in (
        ("landmarks", Landmarks),
        ("fit", Fit),
        ("ensemble", Ensemble),
        ("completion", Completion),
    ):
        read_record(target / f"{name}.npz", cls)
    report = json.loads((target / "report.json").read_text())
    assert [one["picture"] for one in report["completions"]] == ["completed_00.png", "completed_01.png"]
    assert abs(report["face_seen"] + report["face_mirrored"] + report["face_invented"] - 1) < 1e-6


def test_folder_is_whole_or_absent(case: Case, tmp_path: Path) -> None:
    target = tmp_path / "out"
    broken = replace(contents(case), figures={"not": object()})
    with pytest.raises(TypeError):
        files.write_completion_folder(target, broken)
    assert list(tmp_path.iterdir()) == []
    files.write_completion_folder(target, contents(case))
    before = (target / "report.json").read_bytes()
    with pytest.raises(UsageError, match="--force"):
        files.write_completion_folder(target, contents(case))
    with pytest.raises(TypeError):
        files.write_completion_folder(target, broken, force=True)
    assert (target / "report.json").read_bytes() == before
    (target / "notes.txt").write_text("mine")
    (target / "face_07.obj").write_text("of an earlier run")
    files.write_completion_folder(target, contents(case), force=True)
    assert (target / "notes.txt").read_text() == "mine"
    assert not (target / "face_07.obj").exists()


def test_page_stands_alone(case: Case) -> None:
    text = page(case, asset("report.html").read_text())
    loads = re.compile(
        r"""(?:src|href)\s*=\s*["']|url\(|@import|https?://|fetch\(|XMLHttpRequest|import\s*\("""
    )

    def outside(page_text: str) -> list[str]:
        return [m.group() for m in loads.finditer(page_text)]

    assert outside(text) == []
    assert outside(text + '<img src="http://x/y.png">') != []  # must fail
    assert "__FACEKIT_DATA__" not in text
    data = re.search(r'type="application/json">(.*?)</script>', text, re.S)
    assert data is not None
    loaded = json.loads(data[1])
    assert loaded["title"].startswith("a</script>b.png")
    assert len(loaded["completions"]) == 2
    assert all(one["picture"].startswith("data:image/jpeg;base64,") for one in loaded["completions"])


def test_contact_sheet_shows_every_completion(case: Case) -> None:
    sheet = contact_sheet(case)
    assert sheet.shape == (3 * 224, 3 * 224, 3)
    tiles = sheet.reshape(3, 224, 3, 224, 3).std((1, 3, 4))
    assert (tiles > 5).all()
