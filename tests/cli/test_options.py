"""Shared options convert at the border."""

import math
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from facekit.cli import options
from facekit.cli.options import ANGLE, OUTPUT, SEED, output_path, stem
from facekit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("30", 30),
        ("30deg", 30),
        ("-45.5 deg", -45.5),
        ("0.5rad", math.degrees(0.5)),
        ("90°", 90),
        (".5", 0.5),
    ],
)
def test_angles(text: str, degrees: float) -> None:
    assert ANGLE.convert(text, None, None) == pytest.approx(math.radians(degrees))


@pytest.mark.parametrize("text", ["", "left", "30px", "1 2", "nan", "inf", "--3"])
def test_what_is_no_angle(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not an angle"):
        ANGLE.convert(text, None, None)


def test_seeds() -> None:
    assert SEED.convert("0", None, None) == 0
    assert SEED.convert(str(2**63 - 1), None, None) == 2**63 - 1
    for text in ("-1", "1.5", "", "²", str(2**63)):
        with pytest.raises(click.BadParameter, match="whole number"):
            SEED.convert(text, None, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a"),
        ("a.fit.npz", "a"),
        ("a.b.landmarks.npz", "a.b"),
        ("a.b.jpg", "a.b"),
        ("a.npz", "a"),
        ("fit.npz", "fit"),
    ],
)
def test_stem(name: str, expected: str) -> None:
    assert stem(Path("folder") / name) == expected


def test_outputs(tmp_path: Path) -> None:
    photo = Path("in/anna.jpg")
    assert output_path(photo, ".fit.npz", None) == Path("in/anna.fit.npz")
    assert output_path(photo, ".fit.npz", Path("x.npz")) == Path("x.npz")
    assert output_path(photo, ".fit.npz", tmp_path, several=True) == tmp_path / "anna.fit.npz"
    new = tmp_path / "new"
    assert output_path(photo, ".fit.npz", new) == new
    assert output_path(photo, ".fit.npz", new, several=True) == new / "anna.fit.npz"
    assert not new.exists()
    options.make_folders([new / "anna.fit.npz", None], several=False)
    assert not new.exists()
    options.make_folders([new / "anna.fit.npz", None], several=True)
    assert new.is_dir()
    (tmp_path / "file").touch()
    for path in (Path("x.npz"), tmp_path / "file"):
        with pytest.raises(UsageError, match="folder"):
            output_path(photo, ".fit.npz", path, several=True)


def test_two_results_of_one_name_are_refused_before_any_work(tmp_path: Path) -> None:
    a, b, c = Path("x/a.jpg"), Path("x/a.png"), Path("y/a.jpg")
    options.refuse_clashes([a], (None, Path("one.obj")))
    options.refuse_clashes([a, c], (None, None))
    options.refuse_clashes([a, Path("x/b.jpg")], (tmp_path / "new", tmp_path))
    for sources, output in (((a, a), None), ((a, b), None), ((a, c), tmp_path), ((a, c), tmp_path / "new")):
        with pytest.raises(UsageError, match="same name"):
            options.refuse_clashes(sources, (output,))
    with pytest.raises(UsageError, match="one file"):
        options.refuse_clashes([a, Path("x/b.jpg")], (None, Path("one.obj")))
    assert not (tmp_path / "new").exists()


def test_results_are_no_stream() -> None:
    with pytest.raises(click.BadParameter, match="give a path"):
        OUTPUT.convert("-", None, None)
    assert OUTPUT.convert("./-", None, None) == Path("-")


def test_every_shared_option_has_help() -> None:
    @click.command()
    @options.output_option("Where to.")
    @options.force_option
    @options.seed_option
    @options.device_option
    @options.model_option
    @options.landmarks_option
    @options.occlusion_option()
    @options.json_option
    @options.yaw_option
    @options.pitch_option
    @options.verbosity_options
    def command(**given: object) -> None:
        click.echo(repr(given["yaw"]))

    assert all(isinstance(p, click.Option) and p.help for p in command.params)
    assert len(command.params) == 12
    result = CliRunner().invoke(command, ["--yaw", "180"])
    assert float(result.output) == pytest.approx(math.pi)
