"""The pages agree with the commands, and with each other."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from facekit import __version__
from facekit.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(generator: ModuleType) -> None:
    assert generator.stale(generator.pages()) == [], "run: python docs/generate.py"


def test_stale_pages_are_found(generator: ModuleType) -> None:
    files = generator.pages()
    page = ROOT / "man" / "facekit-info.1"
    assert generator.stale(files | {page: files[page] + "x"}) == ["man/facekit-info.1"]
    assert generator.stale({path: text for path, text in files.items() if path != page}) == [
        "man/facekit-info.1"
    ]


def test_every_command_stands_in_the_pages() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text()
    readme = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"## facekit {name}\n" in reference
        assert (ROOT / "man" / f"facekit-{name}.1").is_file()
    assert re.findall(r"^\| `facekit ([\w-]+)` \|", readme, flags=re.M) == list(COMMANDS)


def test_man_pages_are_clean_roff(generator: ModuleType) -> None:
    for path, text in generator.pages().items():
        if path.suffix == ".1":
            lines = text.splitlines()
            assert lines[0].startswith(".TH ")
            assert all(re.match(r"\.(TH|SH|PP|TP|nf|fi)\b", line) for line in lines if line.startswith("."))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page.read_text(), page.parent) == []


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative links to files that are not there, and to headings that are not in the file."""
    broken = []
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = folder / name if name else None
        if (target is not None and not target.exists()) or (
            anchor and anchor not in headings(target.read_text() if target else text)
        ):
            broken.append(link)
    return broken


def headings(text: str) -> set[str]:
    """Anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# One heading, of `two`\n")
    good = "[a](a.md) [b](a.md#one-heading-of-two) [c](https://example.org/x)"
    assert broken_links(good, tmp_path) == []
    assert broken_links("[a](b.md) [b](a.md#two) [c](#nowhere)", tmp_path) == ["b.md", "a.md#two", "#nowhere"]


def test_version_is_the_same_everywhere() -> None:
    assert f'\nversion = "{__version__}"\n' in (ROOT / "pyproject.toml").read_text()
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def first_commands(readme: str) -> list[str]:
    """The lines of the first two shell blocks of the README."""
    blocks = re.findall(r"```sh\n(.*?)```", readme, flags=re.S)[:2]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_readme_begins_with_the_two_commands() -> None:
    assert first_commands((ROOT / "README.md").read_text()) == [
        "pip install . && facekit demo",
        "pip install '.[test]' && pytest",
    ]


def test_ci_takes_its_commands_from_the_readme() -> None:
    result = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run"), "--list"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.splitlines()[:2] == first_commands((ROOT / "README.md").read_text())
