"""facekit diversify and its subcommand: the first word decides; wrong options get one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from facekit.cli.main import cli
from facekit.completion.mesh_vae import PRESETS, MeshVAE, to_arrays
from facekit.completion.names import METHODS
from facekit.files.images import photo_digest, write_image
from facekit.files.models import load_model
from facekit.files.npz import read_record, write_record
from facekit.files.weights import write_weights
from facekit.records import Ensemble
from tests.completion.conftest import made_fit
from tests.completion.sphere import sphere_model


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit, its photo, another photo, an ensemble, and weights of two models."""
    import torch

    folder, model = tmp_path_factory.mktemp("diversify"), load_model()
    photo = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    write_image(folder / "photo.png", photo)
    write_image(folder / "other.png", photo[::-1])
    fit = replace(made_fit(model, 0, "mouth")[0], photo_sha256=photo_digest(photo))
    write_record(folder / "a.fit.npz", fit)
    write_record(folder / "interpolate", fit)
    for name, face in (("own", model), ("sphere", sphere_model(2))):
        seed = torch.Generator().manual_seed(0)
        network = MeshVAE(face.mean, face.topology.faces, 0.004, PRESETS["tiny"], seed)
        write_weights(folder / f"{name}.safetensors", *to_arrays(network))
    return folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_the_first_word_decides() -> None:
    assert run("diversify", "--help").stdout.startswith(f"Usage: {cli.name} diversify [OPTIONS] FIT...")
    below = run("diversify", "interpolate", "--help")
    assert below.stdout.startswith(f"Usage: {cli.name} diversify interpolate [OPTIONS] A[:NUMBER] B[:NUMBER]")
    assert "interpolate" in run("diversify", "--help").stdout.split("first word")[1]
    options = ("-n", "2", "--iterations", "2", "--seed", "1", "--force")
    assert run("diversify", *options, "a.fit.npz", "-o", "a.ensemble.npz").exit_code == 0
    named_alike = run("diversify", "./interpolate", *options, "-o", "b.ensemble.npz")
    assert named_alike.exit_code == 0
    ours, theirs = (read_record(f"{name}.ensemble.npz", Ensemble).vertices for name in "ab")
    np.testing.assert_array_equal(ours, theirs)


def test_faces_between_two() -> None:
    assert run("diversify", "a.fit.npz", "-n", "3", "--seed", "1", "-o", "c.ensemble.npz").exit_code == 0
    made = run("diversify", "interpolate", "c.ensemble.npz:0", "c.ensemble.npz:2", "--steps", "3",
               "--mesh-dir", "m")  # fmt: skip
    assert made.exit_code == 0, made.stderr
    assert "3 faces" in made.stderr
    ensemble, ends = read_record("c.between.ensemble.npz", Ensemble), read_record("c.ensemble.npz", Ensemble)
    np.testing.assert_allclose(ensemble.vertices[[0, 2]], ends.vertices[[0, 2]], atol=1e-7)
    assert sorted(path.name for path in Path("m").glob("*.obj")) == [f"c_between_0{i}.obj" for i in range(3)]
    assert "interpolate" in ensemble.history[-1].command
    again = run("diversify", "interpolate", "c.ensemble.npz:0", "c.ensemble.npz:2")
    assert again.exit_code == 2
    assert "--force" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--method", "magic"), 2, "is not one of"),
        (("--preset", "paper"), 2, "--photo"),
        (("--method", "flame+dpp", "--photo", "photo.png"), 2, "looks at no photo"),
        (("--preset", "paper", "--photo", "other.png"), 2, "another photo"),
        (("--preset", "paper", "--photo", "none.png"), 4, "none.png"),
        (("--region", "beard"), 2, "no region beard"),
        (("--method", "global+local+vae", "--weights", "none.safetensors"), 4, "none.safetensors"),
        (("--method", "global+local+vae", "--weights", "sphere.safetensors"), 5, "another face model"),
        (("--method", "global+local+vae", "--weights", "photo.png"), 5, "photo.png"),
        (("a.fit.npz", "--preset", "paper", "--photo", "photo.png"), 2, "one fit"),
        (("--method", "flame+dpp", "--weights", "own.safetensors"), 2, "uses no mesh VAE"),
        (("--k", "0"), 2, "--k"),
        (("--n-sigma", "99"), 2, "--n-sigma"),
    ],
)
def test_wrong_options_get_one_line(words: tuple[str, ...], code: int, told: str) -> None:
    result = run("diversify", "a.fit.npz", "-n", "2", "--seed", "1", "-o", "x.ensemble.npz", *words)
    assert result.exit_code == code, result.stderr
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("x.ensemble.npz").exists()


def test_a_seed_nobody_gave_is_told_with_the_result() -> None:
    made = run("diversify", "a.fit.npz", "-n", "2", "--iterations", "1", "-o", "e.ensemble.npz", "--json")
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)["ensembles"][0]
    assert f"2 faces with seed {told['seed']}" in made.stderr
    assert read_record("e.ensemble.npz", Ensemble).history[-1].seed == told["seed"]
    bad = run("diversify", "photo.png")
    assert bad.exit_code == 5
    assert bad.stderr.count("\n") == 1


def test_several_fits_go_to_a_folder_made_for_the_first_result(folder: Path) -> None:
    bad = run("diversify", "photo.png", "other.png", "-o", "many")
    assert bad.exit_code == 5
    assert not Path("many").exists()
    mixed = run("diversify", "photo.png", "a.fit.npz", "-n", "2", "--iterations", "1", "-o", "many")
    assert mixed.exit_code == 5
    assert [path.name for path in Path("many").iterdir()] == ["a.ensemble.npz"]


def test_two_fits_of_one_name_are_refused(tmp_path: Path) -> None:
    for where in (("-o", str(tmp_path / "new")), ("--mesh-dir", "meshes")):
        result = run("diversify", "a.fit.npz", str(tmp_path / "a.fit.npz"), *where)
        assert result.exit_code == 2
        assert "same name" in result.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("a.fit.npz",), 2, "missing argument"),
        (("a.fit.npz", "a.fit.npz", "--steps", "1"), 2, "--steps"),
        (("a.fit.npz:1", "a.fit.npz"), 2, "is a fit"),
        (("a.fit.npz", "photo.png"), 5, "photo.png"),
        (("a.fit.npz", "none.ensemble.npz:3"), 4, "none.ensemble.npz"),
        (("a.fit.npz", "a.fit.npz", "--weights", "sphere.safetensors"), 5, "another face model"),
    ],
)
def test_wrong_ends_get_one_line(words: tuple[str, ...], code: int, told: str) -> None:
    result = run("diversify", "interpolate", "-o", "y.ensemble.npz", *words)
    assert result.exit_code == code, result.stderr
    assert told in result.stderr
    assert not Path("y.ensemble.npz").exists()


def test_an_ensemble_is_given_with_a_number() -> None:
    assert run("diversify", "a.fit.npz", "-n", "2", "--seed", "1", "-o", "d.ensemble.npz").exit_code == 0
    for end, told in (("d.ensemble.npz", "say which"), ("d.ensemble.npz:2", "no face 2")):
        result = run("diversify", "interpolate", end, "a.fit.npz", "-o", "z.ensemble.npz")
        assert result.exit_code == 2
        assert told in result.stderr


def test_help_names_every_method() -> None:
    shown = "".join(run("diversify", "--help").stdout.split())
    assert all(name in shown for name in METHODS)
