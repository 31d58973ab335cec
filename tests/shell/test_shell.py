"""Each line of each ``.sh`` file beside this one is a test: run as a user types it, it must exit with 0.

A line runs in a folder of its own that holds ``astronaut.png`` (512×512, a real face), ``astronaut.mask.png``
(hides the mouth), ``small.png`` and ``small.mask.png`` (64×64, no face), one record of each kind with
invented values (``a.fit.npz``, ``a.landmarks.npz``, …), ``a.obj`` with texture, ``a.glb``, ``a.ply``,
``text.txt``, ``empty.png`` and ``cut.png``. ``$EXAMPLES`` is the folder of the examples.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

import facekit
from facekit.files.images import write_image
from facekit.files.meshes import write_mesh
from facekit.files.npz import write_record
from facekit.records import Record

Result = subprocess.CompletedProcess[str]
Run = Callable[[str], Result]
AT_ONCE = 4  # lines, at the most: one may take a gigabyte
TIMEOUT = 240  # s
HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
LINES = [
    pytest.param(line.strip(), id=f"{path.stem}:{number}")
    for path in sorted(HERE.glob("*.sh"))
    for number, line in enumerate(path.read_text().splitlines(), 1)
    if line.strip() and not line.startswith("#")
]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, same_records: dict[str, Record]) -> Path:
    """The files that every line finds."""
    from skimage.data import astronaut

    folder = tmp_path_factory.mktemp("template")
    rng = np.random.default_rng(0)
    write_image(folder / "astronaut.png", astronaut())
    rows, columns = np.mgrid[:512, :512]
    write_image(folder / "astronaut.mask.png", ((columns - 226) / 40) ** 2 + ((rows - 160) / 26) ** 2 < 1)
    write_image(folder / "small.png", rng.integers(0, 256, (64, 64, 3), np.uint8))
    write_image(folder / "small.mask.png", rows[:64, :64] > 32)
    mesh = (np.eye(3), np.array([[0, 1, 2]]))
    write_mesh(
        folder / "a.obj", *mesh, np.eye(3)[:, :2], np.array([[0, 1, 2]]), np.zeros((4, 4, 3), np.uint8)
    )
    write_mesh(folder / "a.glb", *mesh)
    write_mesh(folder / "a.ply", *mesh)
    (folder / "text.txt").write_text("I am a text.\n")
    (folder / "empty.png").touch()
    (folder / "cut.png").write_bytes((folder / "astronaut.png").read_bytes()[:20000])
    for kind, record in same_records.items():
        write_record(folder / f"a.{kind}.npz", record)
    return folder


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ``facekit`` command of the package under test, for PATH."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "facekit"
    package = Path(facekit.__file__).parents[1]
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{package}" exec "{sys.executable}" -m facekit.cli.main "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture
def run(template: Path, command: Path, tmp_path: Path) -> Run:
    """Runs a line in a folder of this test."""
    folder = tmp_path / "work"
    shutil.copytree(template, folder)
    return partial(_run, folder, command)


@pytest.fixture(scope="session")
def results(
    request: pytest.FixtureRequest, template: Path, command: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """What comes of a line. All lines that are to be tested are begun, several at a time; under pytest-xdist,
    which parts them among processes that know all of them, each when it is asked for.
    """
    folder = tmp_path_factory.mktemp("lines")

    def call(line: str) -> Result:
        own = Path(mkdtemp(dir=folder))
        shutil.copytree(template, own, dirs_exist_ok=True)
        return _run(own, command, line)

    tests = [test for test in request.session.items if getattr(test, "originalname", "") == "test_line"]
    lines = [test.callspec.params["line"] for test in tests]  # type: ignore[attr-defined]
    with ThreadPoolExecutor(min(os.cpu_count() or 1, AT_ONCE)) as pool:
        ahead = [] if "PYTEST_XDIST_WORKER" in os.environ else lines
        begun = {line: pool.submit(call, line) for line in ahead}
        yield lambda line: (begun.get(line) or pool.submit(call, line)).result()
        pool.shutdown(cancel_futures=True)


def _run(folder: Path, command: Path, line: str) -> Result:
    return subprocess.run(
        ["bash", "-u", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=os.environ | {"PATH": f"{command}{os.pathsep}{os.environ['PATH']}", "EXAMPLES": str(EXAMPLES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


@pytest.mark.parametrize("line", LINES)
def test_line(results: Run, line: str) -> None:
    result = results(line)
    assert result.returncode == 0, f"{line}\n{result.stdout}{result.stderr}"
    assert "Traceback" not in result.stderr


def test_a_line_can_fail(run: Run) -> None:
    assert run("facekit info none.npz").returncode == 4
    assert run("facekit diff a.obj a.glb | cat").returncode == 1
    assert run("facekit info $nowhere").returncode != 0
