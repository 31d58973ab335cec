"""An avatar as named arrays with settings, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.avatar.capture import Keypoints, Mesh
from facekit.avatar.models import MODELS, SIGNALS, Avatar, Shape
from facekit.avatar.sizes import AvatarSizes
from facekit.avatar.subject import Rig, Subject
from facekit.errors import WrongKindError
from facekit.records import Camera

KIND = "avatar"  # of the weights, in their metadata
EXACT = ("mean", "scale", "running_var", "running_mean")  # ends of names that stay in single precision
Arrays = dict[str, NDArray[Any]]


def to_arrays(avatar: Avatar, subject: Subject) -> tuple[Arrays, dict[str, str]]:
    """Weights in float16, scales in float32, the person's mesh, and the settings ``from_arrays`` needs."""
    arrays: Arrays = {}
    for name, tensor in avatar.state_dict().items():
        value = tensor.detach().cpu().numpy()
        half = value.dtype.kind == "f" and not name.endswith(EXACT)
        arrays[f"networks.{name}"] = value.astype(np.float16) if half else value
    mesh, points, rig = subject.mesh, subject.keypoints, subject.rig
    arrays |= {"mesh.faces": mesh.faces, "mesh.uv": mesh.uv, "mesh.uv_faces": mesh.uv_faces}
    told = {"subject": subject.name, "scheme": "" if points is None else points.scheme}
    if points is not None:
        arrays |= {f"points.{name}": getattr(points, name) for name in ("index", "corners", "bary")}
        arrays |= {f"points.{name}": getattr(points.camera, name) for name in ("K", "R", "t", "image_size")}
        arrays |= {} if points.rest is None else {"points.rest": points.rest}
    if rig is not None:
        arrays |= {f"rig.{name}": value for name, value in vars(rig).items()}
    settings = {"kind": KIND, "model": avatar.kind, "signal": avatar.signal}
    settings |= {"sizes": json.dumps(asdict(avatar.sizes)), "shape": json.dumps(asdict(avatar.shape))}
    return {name: np.asarray(value) for name, value in arrays.items()}, settings | told


def for_driving(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """An avatar's arrays without its encoder Q, a third of them, which driving does not need."""
    return {name: value for name, value in arrays.items() if not name.startswith("networks.encoder.")}


def is_avatar(settings: Mapping[str, str]) -> bool:
    """Whether weights with these settings are an avatar."""
    return settings.get("kind") == KIND


def from_arrays(
    arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str], name: str = "the file"
) -> tuple[Avatar, Subject]:
    """The avatar, ready to use; ``name`` is for the messages. Raises WrongKindError for other weights."""
    known = settings.get("model") in MODELS and settings.get("signal") in SIGNALS
    if not is_avatar(settings) or not known:
        raise WrongKindError(f"{name} is no avatar; train one with facekit train-prior avatar")
    try:
        avatar = Avatar(
            settings["model"],
            settings["signal"],
            AvatarSizes(**_tuples(json.loads(settings["sizes"]))),
            Shape(**_tuples(json.loads(settings["shape"]))),
            torch.Generator().manual_seed(0),
        )
        if not _under(arrays, "networks.encoder"):
            avatar.encoder = None
        avatar.load_state_dict({key: _tensor(value) for key, value in _under(arrays, "networks").items()})
        subject = _subject(arrays, settings)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WrongKindError(
            f"{name}: the weights of this avatar do not fit its settings; train it again"
        ) from error
    return avatar.eval().requires_grad_(False), subject


def _subject(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str]) -> Subject:
    points, rig = _under(arrays, "points"), _under(arrays, "rig")
    keypoints = None
    if points:
        camera = Camera(*(points.pop(name) for name in ("K", "R", "t", "image_size")))
        none = np.zeros((0, len(points["index"]), 2), np.float32)
        noise = float(points.pop("noise", 0.0))
        keypoints = Keypoints(settings["scheme"], **points, camera=camera, points=none, noise=noise)
    mesh = Mesh(**_under(arrays, "mesh"))
    return Subject(settings["subject"], mesh, keypoints, Rig(**rig) if rig else None)


def _under(arrays: Mapping[str, NDArray[Any]], part: str) -> Arrays:
    """The arrays whose names begin with a part, without it."""
    return {k.removeprefix(f"{part}."): np.array(v) for k, v in arrays.items() if k.startswith(f"{part}.")}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _tensor(value: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(value, np.float32 if value.dtype.kind == "f" else value.dtype))
