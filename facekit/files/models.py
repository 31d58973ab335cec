"""Face models by name or path: facekit's own files, and those of FLAME, the Basel Face Model and
ICT-FaceKit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from facekit.errors import ModelUnavailableError, UnreadableError, WrongKindError
from facekit.files.assets import asset, has_asset, read_asset_weights
from facekit.files.atomic import PathLike
from facekit.files.obj import parse_obj
from facekit.files.reading import name_content, read_bytes, read_json, read_text
from facekit.files.unpickle import read_npy, read_npz, read_pickle
from facekit.files.weights import read_weights, write_weights
from facekit.morphable.albedo import AlbedoModel
from facekit.morphable.formats import bfm, flame, ict
from facekit.morphable.formats.surface import carry_embedding, complete_landmarks
from facekit.morphable.model import FaceModel

DEFAULT = "default"
DEFAULT_ASSET = "face.safetensors"
ALBEDO_ASSET = "albedo.safetensors"  # painted in the chart of the default face
GLOBAL_LOCAL = "-global+local"
FLAME_NAMES = ("generic_model.pkl", "flame2023.pkl", "flame2023_no_jaw.pkl", "FLAME_NEUTRAL.pkl")


def load_model(name_or_path: str = DEFAULT, landmark_embedding: PathLike | None = None) -> FaceModel:
    """The face model of that name or in that file.

    ``default``; ``default-global+local``; a path to facekit's own ``.safetensors``, FLAME's ``.pkl`` or
    ``.npz`` (with landmark_embedding.npy and FLAME_masks.pkl beside it where there are any), BFM 2009
    ``.mat``, BFM 2017 or 2019 ``.h5``, an ICT-FaceKit folder or ``.npz``. ``landmark_embedding`` gives the 68
    landmarks of a model that has none: FLAME's .npy, or a JSON list of 68 vertex numbers. A foreign model
    with 68 landmarks gets the 478 of the default detector from the default face, to a few millimetres.

    Raises ModelUnavailableError for a name that is not installed, UnreadableError for a damaged file,
    WrongKindError for a file that is no face model.
    """
    if name_or_path.endswith(GLOBAL_LOCAL):
        from facekit.morphable.local import global_local

        return global_local(load_model(name_or_path.removesuffix(GLOBAL_LOCAL), landmark_embedding))
    if name_or_path == DEFAULT:
        return _default()
    path = Path(name_or_path)
    if not path.exists():
        raise ModelUnavailableError(
            f"there is no face model {name_or_path}: give 'default' or the path of a model file"
        )
    return _foreign(path, landmark_embedding)


def write_model(path: PathLike, model: FaceModel, force: bool = False) -> None:
    """Write a model in facekit's own format; :func:`load_model` reads it back with the same digest."""
    from facekit.morphable.arrays import to_arrays

    arrays, metadata = to_arrays(model)
    write_weights(path, arrays, metadata, force)


@cache
def _default() -> FaceModel:
    return replace(_own(asset(DEFAULT_ASSET)), albedo=_default_albedo())


def _default_albedo() -> AlbedoModel | None:
    """The packaged albedo model; None in an installation from which it was left out."""
    if not has_asset(ALBEDO_ASSET):
        return None
    from facekit.morphable.albedo import from_arrays

    return from_arrays(*read_asset_weights(ALBEDO_ASSET))


def _own(path: PathLike) -> FaceModel:
    from facekit.morphable.arrays import from_arrays

    return from_arrays(*read_weights(path))


def _foreign(path: Path, landmark_embedding: PathLike | None) -> FaceModel:
    readers: dict[str, Callable[[Path, PathLike | None], FaceModel]] = {
        ".pkl": _pickled,
        ".npz": _npz,
        ".mat": _mat,
        ".h5": _hdf5,
    }
    if path.is_dir():
        return _with_detector_points(_folder(path, landmark_embedding))
    if path.suffix == ".safetensors":
        return _own(path)
    if path.suffix not in readers:
        raise WrongKindError(
            f"{path} is not a face model: expected .safetensors, .pkl, .npz, .mat, .h5 or an ICT folder"
        )
    return _with_detector_points(readers[path.suffix](path, landmark_embedding))


def _with_detector_points(model: FaceModel) -> FaceModel:
    """The model with the default detector's landmarks, carried over from the default face."""
    if not has_asset(DEFAULT_ASSET):
        return model
    default = _default()
    topology = carry_embedding(model.topology, model.mean, default.topology, default.mean, "mediapipe478")
    return replace(model, topology=topology)


def _folder(path: Path, landmark_embedding: PathLike | None) -> FaceModel:
    """An ICT-FaceKit folder (its FaceXModel), or a folder with one of FLAME's usual files."""
    for inner in (path, path / "FaceXModel"):
        if (inner / "generic_neutral_mesh.obj").is_file():
            return _ict_folder(inner)
    for name in FLAME_NAMES:
        if (path / name).is_file():
            return _pickled(path / name, landmark_embedding)
    raise WrongKindError(
        f"the folder {path} holds neither generic_neutral_mesh.obj (ICT-FaceKit) nor a FLAME file"
    )


def _pickled(path: Path, landmark_embedding: PathLike | None) -> FaceModel:
    arrays = read_pickle(path)
    if not isinstance(arrays, dict) or not flame.is_flame(arrays):
        raise WrongKindError(f"{path} is a pickle, but not of a FLAME model")
    return _flame(path, arrays, landmark_embedding)


def _npz(path: Path, landmark_embedding: PathLike | None) -> FaceModel:
    arrays = read_npz(path)
    if flame.is_flame(arrays):
        return _flame(path, arrays, landmark_embedding)
    if ict.is_ict(arrays):
        return ict.ict_model(arrays, name=path.stem)
    raise WrongKindError(f"{path} holds neither a FLAME model nor the ICT face model")


def _flame(path: Path, arrays: Mapping[str, Any], landmark_embedding: PathLike | None) -> FaceModel:
    beside = path.parent / "landmark_embedding.npy"
    found = landmark_embedding or (beside if beside.is_file() else None)
    masks = path.parent / "FLAME_masks.pkl"
    return flame.flame_model(
        arrays,
        embedding=None if found is None else read_embedding(found),
        masks=read_pickle(masks) if masks.is_file() else None,
        name=path.stem,
    )


def read_embedding(path: PathLike) -> Mapping[str, Any]:
    """FLAME's landmark embedding (.npy, .npz or .pkl), or 68 vertex numbers as JSON or a plain .npy array."""
    suffix = Path(path).suffix
    if suffix == ".json":
        entries = read_json(path)
    elif suffix == ".npz":
        entries = read_npz(path)
    else:
        entries = read_pickle(path) if suffix == ".pkl" else read_npy(path)
    if isinstance(entries, dict):
        return entries
    vertices = np.asarray(entries)
    if vertices.size != 68 or not np.issubdtype(vertices.dtype, np.integer):
        raise WrongKindError(f"{path} is neither FLAME's landmark embedding nor a list of 68 vertex numbers")
    return {"vertices": vertices}


def _mat(path: Path, landmark_embedding: PathLike | None) -> FaceModel:
    from scipy.io import loadmat

    read_bytes(path)
    try:
        arrays = loadmat(path)
    except NotImplementedError:
        raise WrongKindError(f"{path} is a MATLAB 7.3 file; save it as version 7 to read it here") from None
    except Exception as error:  # loadmat raises whatever the damage leads to
        raise UnreadableError(f"{path} is not a sound MATLAB file ({error})") from None
    if bfm.is_bfm_front(arrays):
        return bfm.bfm_front_model(arrays)
    if bfm.is_bfm2009(arrays):
        return _with_landmarks(bfm.bfm2009_model(arrays), arrays, landmark_embedding)
    raise WrongKindError(f"{path} is a MATLAB file, but not of BFM 2009")


def _hdf5(path: Path, landmark_embedding: PathLike | None) -> FaceModel:
    try:
        import h5py
    except ImportError:
        raise ModelUnavailableError("BFM .h5 files need h5py: run 'pip install h5py' and try again") from None
    content = name_content(read_bytes(path))
    if content != "an HDF5 file":
        raise WrongKindError(f"{path}: expected an HDF5 file, found {content}")
    arrays: dict[str, Any] = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(collect)
    except OSError as error:
        raise UnreadableError(f"{path} is damaged or incomplete ({error})") from None
    return _with_landmarks(bfm.bfm2017_model(arrays, name=path.stem), arrays, landmark_embedding)


def _with_landmarks(
    model: FaceModel, arrays: Mapping[str, Any], landmark_embedding: PathLike | None
) -> FaceModel:
    """The model with 68 landmarks: those of a file, or the release's own few completed by the default
    face.
    """
    topology = model.topology
    if landmark_embedding is not None:
        points = flame.landmark_embedding(read_embedding(landmark_embedding), topology.faces)
    else:
        known = bfm.known_landmarks(arrays, model)
        if len(known) < 6 or not has_asset(DEFAULT_ASSET):
            return model
        default = _default()
        reference = default.topology.embeddings["ibug68"].points(default.mean)
        points = complete_landmarks(model.mean, topology.faces, known, reference)
    return replace(model, topology=replace(topology, embeddings={**topology.embeddings, "ibug68": points}))


def _ict_folder(path: Path) -> FaceModel:
    """ICT-FaceKit's FaceXModel: neutral, identity000... and expression meshes, as one model."""
    neutral, faces, uv, uv_faces, _ = parse_obj(path / "generic_neutral_mesh.obj")
    index = read_json(path / "vertex_indices.json") if (path / "vertex_indices.json").is_file() else {}
    identities = sorted(path.glob("identity*.obj"))
    skipped = {"generic_neutral_mesh", *(p.stem for p in identities)}
    names = index.get("expressions") or sorted(p.stem for p in path.glob("*.obj") if p.stem not in skipped)
    if not identities or not names:
        raise WrongKindError(f"the folder {path} has no identity or no expression meshes")
    extra: dict[str, Any] = {}
    if "idx_to_landmark_verts" in index:
        extra["lmk68"] = np.asarray(index["idx_to_landmark_verts"])
    return ict.linear_ict(
        name="ict",
        neutral=np.asarray(neutral, np.float64),
        faces=np.asarray(faces),
        chart=None if uv is None or uv_faces is None else (uv, uv_faces),
        modes=(
            np.stack([_points(p, neutral) for p in identities]),
            np.stack([_points(path / f"{name}.obj", neutral) for name in names]),
        ),
        names=tuple(names),
        extra=extra,
    )


def _points(path: Path, neutral: np.ndarray) -> np.ndarray:
    """Displacement (V, 3) of an OBJ file's vertices from the neutral mesh, in the unit of the files."""
    rows = [line[2:] for line in read_text(path).splitlines() if line.startswith("v ")]
    try:
        vertices = np.array(" ".join(rows).split(), np.float64).reshape(len(rows), -1)[:, :3]
    except ValueError:
        raise UnreadableError(f"{path} has vertices that cannot be read") from None
    if vertices.shape != neutral.shape:
        raise WrongKindError(f"{path} has {len(vertices)} vertices, the neutral mesh {len(neutral)}")
    return (vertices - neutral).astype(np.float32)
