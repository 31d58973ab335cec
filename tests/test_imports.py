"""Imports run one way; click, paths and torch stay where they belong."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import facekit

PACKAGE = Path(facekit.__file__).parent
MATHEMATICS = {
    "avatar",
    "morphable",
    "geometry",
    "raster",
    "fitting",
    "completion",
    "texture",
    "synthetic",
    "detection",
    "train",
    "motion",
    "priors",
    "metrics",
    "networks",
    "segmentation",
}
# What each part may import, besides itself: cli → stages, files → mathematics → records, errors.
ALLOWED: dict[str, set[str]] = {
    "": set(),  # facekit/__init__.py
    "__main__": {"cli"},
    "records": set(),
    "errors": set(),
    **{part: MATHEMATICS | {"records", "errors"} for part in MATHEMATICS},
    "files": MATHEMATICS | {"records", "errors"},
    "stages": MATHEMATICS | {"records", "errors"},
    "pipeline": MATHEMATICS | {"stages", "records", "errors"},
    "cli": MATHEMATICS | {"", "stages", "files", "pipeline", "records", "errors"},
}
# A stage opens no path of the user's; it may read what ships inside the package, and digest pixels.
FILES_IN_STAGES = {"asset", "has_asset", "read_asset_weights", "photo_digest"}
PATH_CALLS = {
    *("open", "fdopen", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "touch"),
    *(
        "imread",
        "imwrite",
        "imsave",
        "mimsave",
        "loadtxt",
        "savetxt",
        "savez",
        "savez_compressed",
        "genfromtxt",
    ),
    *("mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryDirectory", "rmtree", "copyfile", "VideoCapture"),
    *("safe_open", "load_file", "save_file", "load_mesh", "write_video", "torch.load", "torch.save"),
    *("np.load", "np.save", "np.fromfile", "resources.files", "os.replace", "os.remove", "os.makedirs"),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py").replace("__init__", "")


def imports(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Every imported module with the names taken from it, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield str(node.module), [alias.name for alias in node.names]


def imported_parts(tree: ast.AST) -> Iterator[tuple[str, str, list[str]]]:
    """Imports of facekit's own: part, module, names."""
    for module, names in imports(tree):
        if module == "facekit":
            submodules = [n for n in names if (PACKAGE / n).is_dir() or (PACKAGE / f"{n}.py").is_file()]
            yield from ((name, f"facekit.{name}", []) for name in submodules)
            if len(submodules) < len(names) or not names:
                yield "", module, names
        elif module.startswith("facekit."):
            yield module.split(".")[1], module, names


def breaches(part: str, name: str, source: str) -> list[str]:
    """What one module does against the rules."""
    tree = ast.parse(source)
    found = []
    for target, module, names in imported_parts(tree):
        if part == "stages" and target == "files" and names and set(names) <= FILES_IN_STAGES:
            continue
        if part == "stages" and target == "stages":
            found.append(f"{name} imports another stage, {module}")
        elif target not in (ALLOWED[part] | {part}):
            found.append(f"{name} imports {module}")
    for module, _ in imports(tree):
        if module.split(".")[0] in ("click", "rich") and part != "cli":
            found.append(f"{name} imports {module}")
    if part != "files":
        found += [f"{name}:{node.lineno} calls {call}" for node, call in path_calls(tree)]
    return found


def path_calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        if {call, ".".join(call.split(".")[-2:]), call.split(".")[-1]} & PATH_CALLS:
            to_devnull = call == "os.open" and ast.unparse(node.args[0]) == "os.devnull"
            own_function = call in ("write_text", "write_video", "read_text", "read_bytes")
            if not to_devnull and not own_function:
                yield node, call


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rules(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    assert part_of(path) in ALLOWED, f"{name}: say in ALLOWED what this part may import"
    assert breaches(part_of(path), name, path.read_text()) == []


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("geometry", "from facekit.stages.fit import fit_photo"),
        ("geometry", "def f():\n    import facekit.files.npz"),
        ("records", "from facekit import errors"),
        ("files", "from facekit.stages.compare import compare"),
        ("files", "from facekit.cli import console"),
        ("stages", "from facekit.stages.detect import detect"),
        ("stages", "from facekit.files.npz import read_record"),
        ("stages", "from facekit.files.images import photo_digest, read_photo"),
        ("stages", "import facekit.files.assets"),
        ("pipeline", "from facekit.files.npz import read_record"),
        ("raster", "import click"),
        ("files", "from rich.table import Table"),
        ("fitting", "open('a')"),
        ("fitting", "Path('a').read_bytes()"),
        ("fitting", "x = np.load('a.npz')"),
        ("cli", "path.write_text('x')"),
        ("detection", "os.open('a', os.O_RDONLY)"),
        ("detection", "importlib.resources.files('facekit')"),
    ],
)
def test_each_rule_can_be_broken(part: str, source: str) -> None:
    assert breaches(part, "module", source)


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("cli", "from facekit import __version__\nfrom facekit.files.npz import read_record\nimport click"),
        ("stages", "from facekit.files.assets import read_asset_weights\nfrom facekit.records import Fit"),
        ("files", "from facekit.morphable.model import FaceModel\nopen('a')"),
        ("detection", "os.open(os.devnull, os.O_WRONLY)"),
        ("geometry", "import facekit.raster.cpu\nfrom facekit import records"),
    ],
)
def test_what_is_allowed(part: str, source: str) -> None:
    assert breaches(part, "module", source) == []


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in result.stdout.split()}


def test_importing_facekit_brings_nothing_with_it() -> None:
    assert not {"numpy", "torch", "click"} & loaded_after("import facekit")


def test_torch_comes_with_the_work_and_not_with_the_import() -> None:
    """Neither records, nor files, nor any command's module bring in torch; one process for all of them."""
    names = ["facekit.records", "facekit.errors"]
    for path in modules():
        if part_of(path) in ("files", "cli"):
            names.append(".".join(["facekit", *path.relative_to(PACKAGE).with_suffix("").parts]))
    statement = "import importlib\n" + "\n".join(
        f"importlib.import_module({name!r})\nassert 'torch' not in sys.modules, {name!r}" for name in names
    )
    assert "numpy" in loaded_after(statement)


MODULE_OF = {"opencv_contrib_python": "cv2", "pillow": "PIL", "scikit_image": "skimage"}
# Brought in by a dependency of ours, or optional and imported where it is wanted.
UNDECLARED = {"google", "pytorch3d", "h5py", "lpips"}


def outside(paths: list[Path]) -> set[str]:
    """Top-level modules that are neither Python's nor ours."""
    found = {module.split(".")[0] for path in paths for module, _ in imports(ast.parse(path.read_text()))}
    return found - set(sys.stdlib_module_names) - {"facekit"}


def test_dependencies_are_imported_and_imports_declared(root: Path) -> None:
    text = (root / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.M | re.S)
    assert listed is not None
    names = [name.replace("-", "_") for name in re.findall(r'"([\w-]+)', listed[1])]
    declared = {MODULE_OF.get(name, name) for name in names}
    assert declared - outside(modules()) == set()
    assert outside(modules()) - declared - UNDECLARED == set()
