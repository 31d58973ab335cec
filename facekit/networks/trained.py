"""A trained encoder with its decoder, how far it is to be believed, and the arrays that it is stored as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facekit.errors import WrongKindError
from facekit.networks.albedo_decoder import AlbedoDecoder
from facekit.networks.encoder import FaceEncoder, Preset
from facekit.networks.factorising import FaceFactors
from facekit.networks.lessons import Lessons, as_input, hide, still
from facekit.networks.pose import Pose, decode
from facekit.networks.surface import FaceSurface

Arrays = dict[str, NDArray[Any]]

KIND = "face-encoder"
LEAST = 0.02  # variance of a coefficient that the encoder is believed to know, at best
AT_ONCE = 32  # faces
CALIBRATION = "calibration."


@dataclass(frozen=True)
class Calibration:
    """How the truth scatters about what the encoder says of faces that it was not trained on, part hidden."""

    slope: NDArray[np.float32]  # (K,) 0 to 1: the expected coefficient is slope times what it says
    variance: NDArray[np.float32]  # (K,) of the coefficient about that, at most 1
    pose: NDArray[
        np.float32
    ]  # (3,) standard deviations: turn about each axis, rad; place, crop sides; log scale


@dataclass(frozen=True)
class TrainedFactors:
    """Encoder and decoder with their calibration."""

    network: FaceFactors
    calibration: Calibration

    @property
    def size(self) -> int:
        """Side of the pictures, px."""
        return self.network.encoder.preset.size


@dataclass(frozen=True)
class Scores:
    """On faces that were not learned from."""

    rotation: float  # degrees
    scale: float  # relative
    landmarks: float  # mean distance over the longer side of the landmarks' box
    shape: float  # mm, RMS over the face, head frame
    mean_face: float  # mm, of the mean face


def found(
    network: FaceFactors, lessons: Lessons, hidden: bool, generator: torch.Generator
) -> tuple[Tensor, Pose, dict[str, Tensor]]:
    """Codes (N, K), poses and the truth of all lessons, their crops as they are, parts hidden as at the end
    of the training, or nothing.
    """
    size = network.encoder.preset.size
    mirror = torch.eye(network.encoder.modes)
    device = next(network.parameters()).device
    codes, raws, truths = [], [], []
    with torch.no_grad():
        for index in torch.arange(len(lessons)).split(AT_ONCE):
            batch = still(lessons, index, size, mirror)
            cover = hide(lessons, len(index), size, 1.0, generator) & hidden
            factors = network.encoder(as_input(batch["picture"], cover).to(device))
            codes.append(factors.code.cpu())
            raws.append(factors.pose.cpu())
            truths.append({name: value for name, value in batch.items() if name != "picture"})
    truth = {name: torch.cat([part[name] for part in truths]) for name in truths[0]}
    return torch.cat(codes), decode(torch.cat(raws)), truth


def calibrate(network: FaceFactors, lessons: Lessons, generator: torch.Generator) -> Calibration:
    """From faces whose code and pose are known; where there are none the encoder is believed nothing."""
    modes = network.encoder.modes
    code, pose, truth = found(network, lessons, True, generator)
    known = ~truth["code"].isnan().any(1)
    if known.sum() < 2:
        return Calibration(
            np.zeros(modes, np.float32), np.ones(modes, np.float32), np.array([0.3, 0.1, 0.2], np.float32)
        )
    said, true = code[known], truth["code"][known]
    slope = ((said * true).sum(0) / (said.square().sum(0) + 1.0)).clamp(0, 1)
    variance = (true - slope * said).square().mean(0).clamp(LEAST, 1)
    turned = _angle(pose.rotation[known], truth["rotation"][known])
    place = (pose.origin - truth["origin"])[known].square().mean().sqrt()
    scale = (pose.scale / truth["scale"])[known].log().square().mean().sqrt()
    spread = torch.stack([(turned.square().mean() / 3).sqrt(), place, scale])
    return Calibration(slope.numpy(), variance.numpy(), spread.numpy())


def score(
    network: FaceFactors, surface: FaceSurface, lessons: Lessons, hidden: bool, generator: torch.Generator
) -> Scores:
    """Errors on lessons, NaN where their truth is not known."""
    code, pose, truth = found(network, lessons, hidden, generator)
    surface = surface.cpu()
    skin = surface.skin > 0.5
    true = surface.vertices(truth["code"])[:, skin]
    vertices = surface.vertices(code)
    marks = pose.project(surface.landmarks(vertices), truth["focal"])[..., :2]
    good = truth["landmarks"]
    box = (good.nan_to_num(-1e9).amax(1) - good.nan_to_num(1e9).amin(1)).amax(1)
    return Scores(
        rotation=float(torch.rad2deg(_angle(pose.rotation, truth["rotation"])).nanmean()),
        scale=float((pose.scale / truth["scale"] - 1).abs().nanmean()),
        landmarks=float(((marks - good).norm(dim=-1).nanmean(1) / box).mean()),
        shape=1e3 * _rms(vertices[:, skin] - true),
        mean_face=1e3 * _rms(surface.mean[skin] - true),
    )


def _rms(offset: Tensor) -> float:
    return float(offset.square().sum(-1).nanmean().sqrt())


def _angle(rotation: Tensor, truth: Tensor) -> Tensor:
    """(N,) radians."""
    trace = (rotation * truth).sum((1, 2))
    return ((trace - 1) / 2).clamp(-1, 1).arccos()


def to_arrays(trained: TrainedFactors) -> tuple[Arrays, dict[str, str]]:
    """Weights in half precision, and settings that ``from_arrays`` needs."""
    arrays: Arrays = {
        name: value.detach().cpu().numpy().astype(np.float16)
        for name, value in trained.network.state_dict().items()
    }
    arrays |= {f"{CALIBRATION}{name}": value for name, value in asdict(trained.calibration).items()}
    encoder = trained.network.encoder
    return arrays, {"kind": KIND, "modes": str(encoder.modes), "preset": json.dumps(asdict(encoder.preset))}


def from_arrays(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, str]) -> TrainedFactors:
    """The inverse of ``to_arrays``. Raises WrongKindError for the weights of anything else."""
    if settings.get("kind") != KIND:
        raise WrongKindError(
            "the weights are not a face encoder's; make one with facekit train-prior face-encoder"
        )
    stored = json.loads(settings["preset"])
    stored["trunk"] = tuple(tuple(layer) for layer in stored["trunk"])
    stored["decoder"] = tuple(tuple(widths) for widths in stored["decoder"])
    preset = Preset(**stored)
    network = FaceFactors(FaceEncoder(preset, int(settings["modes"])), AlbedoDecoder(preset))
    weights = {
        n: torch.from_numpy(np.array(v, np.float32))
        for n, v in arrays.items()
        if not n.startswith(CALIBRATION)
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise WrongKindError(
            "the weights of the face encoder do not fit its settings; train it again"
        ) from error
    parts = ("slope", "variance", "pose")
    calibration = Calibration(*(np.asarray(arrays[CALIBRATION + name], np.float32) for name in parts))
    return TrainedFactors(network.eval(), calibration)
