"""A prior over poses as named arrays with settings, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.errors import WrongKindError
from facekit.motion.skeleton import Skeleton, make_skeleton
from facekit.priors.pose_prior import KINDS, PosePrior, PoseSizes, pose_prior
from facekit.priors.pose_space import PoseSpace
from facekit.priors.region import RegionSizes

KIND = "pose"  # of the weights, in their metadata
Arrays = dict[str, NDArray[Any]]


def to_arrays(prior: PosePrior, sizes: PoseSizes) -> tuple[Arrays, dict[str, str]]:
    """Weights in float16, the pose space in float32, and the settings that ``from_arrays`` needs."""
    arrays = {name: value.detach().cpu().numpy() for name, value in prior.state_dict().items()}
    arrays = {
        name: value if name.startswith("space.") or value.dtype.kind != "f" else value.astype(np.float16)
        for name, value in arrays.items()
    }
    skeleton = prior.space.skeleton
    bones = {"names": skeleton.names, "parents": skeleton.parents, "offsets": skeleton.offsets.tolist()}
    settings = {"kind": KIND, "model": prior.kind, "sizes": json.dumps(asdict(sizes))}
    return arrays, settings | {"skeleton": json.dumps(bones)}


def from_arrays(
    arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str], name: str = "the file"
) -> PosePrior:
    """The prior, ready to use; ``name`` is for the messages. Raises WrongKindError for other weights."""
    if settings.get("kind") != KIND or settings.get("model") not in KINDS:
        raise WrongKindError(f"{name} is no prior over poses; train one with facekit train-prior pose")
    try:
        sizes = json.loads(settings["sizes"])
        region = RegionSizes(**sizes.pop("region"))
        skeleton = skeleton_from(settings)
        space = PoseSpace(skeleton, *(_tensor(arrays[f"space.{name}"]) for name in ("mean", "kept", "scale")))
        prior = pose_prior(
            settings["model"], space, PoseSizes(**sizes, region=region), torch.Generator().manual_seed(0)
        )
        prior.load_state_dict({name: _tensor(value) for name, value in arrays.items()})
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WrongKindError(
            f"{name}: the weights of this prior over poses do not fit its settings; train it again"
        ) from error
    return prior.eval().requires_grad_(False)


def skeleton_from(settings: Mapping[str, str]) -> Skeleton:
    """The skeleton that the prior moves."""
    bones = json.loads(settings["skeleton"])
    return make_skeleton(bones["names"], bones["parents"], np.array(bones["offsets"]))


def _tensor(value: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(value, np.float32 if value.dtype.kind == "f" else value.dtype))
