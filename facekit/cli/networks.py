"""Which trained networks a command works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facekit.completion.names import DEFAULT_METHOD, METHODS, WITHOUT_NETWORK
from facekit.errors import UsageError, WrongKindError

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE
    from facekit.fitting.encoder_start import Encoded
    from facekit.morphable.model import FaceModel
    from facekit.priors.pose_prior import PosePrior
    from facekit.records import BoolArray, ByteArray, Landmarks
    from facekit.stages.fit import FirstLook


SHIPPED_POSE = "pose"  # stands for the prior over poses that comes along


def pose_prior_of(path: Path) -> tuple[PosePrior, dict[str, str]]:
    """A prior over poses and its settings: of a file, or the one that comes along for the name ``pose``.

    Raises UnreadableError, WrongKindError.
    """
    from facekit.files.assets import read_asset_weights
    from facekit.files.weights import read_weights
    from facekit.priors.pose_files import from_arrays

    if str(path) == SHIPPED_POSE and not path.exists():
        arrays, settings = read_asset_weights("pose.safetensors")
    else:
        arrays, settings = read_weights(path)
    return from_arrays(arrays, settings, str(path)), settings


def given_network(path: Path | None, model: FaceModel) -> MeshVAE | None:
    """The mesh VAE of a file, None without one. Raises WrongKindError for one of another face model."""
    if path is None:
        return None
    from facekit.completion.mesh_vae import from_arrays
    from facekit.files.weights import read_weights

    return from_arrays(*read_weights(path), model.topology.faces)


def method_and_network(method: str | None, path: Path | None, model: FaceModel) -> tuple[str, MeshVAE | None]:
    """The method asked for and its network, see ``network_of``. Without a wish DEFAULT_METHOD, or
    WITHOUT_NETWORK for a model for which there is no network.
    """
    if method is None:
        from facekit.files.mesh_vae import shipped_vae

        network = given_network(path, model) or shipped_vae(model)
        return WITHOUT_NETWORK if network is None else DEFAULT_METHOD, network
    return method, network_of(method, path, model)


def network_of(method: str, path: Path | None, model: FaceModel) -> MeshVAE | None:
    """The network that a method needs: that of the file, or else the one that comes with facekit; None for a
    linear method.

    Raises UsageError for a file that the method would not look at, and where there is no network for the
    model.
    """
    if method not in METHODS or not METHODS[method].network:
        if path is not None:
            raise UsageError(f"{method} uses no mesh VAE; leave out --weights, or choose a method with vae")
        return None
    if path is not None:
        return given_network(path, model)
    from facekit.files.mesh_vae import shipped_vae

    network = shipped_vae(model)
    if network is None:
        raise UsageError(
            f"no mesh VAE comes with facekit for the face model {model.name}; give one with diversify "
            "--weights, made by facekit train-prior mesh-vae"
        )
    return network


def first_look(path: Path | None, model: FaceModel) -> FirstLook | None:
    """What the face encoder of a file says of a photo, None without one. Raises WrongKindError for one of
    another face model.
    """
    if path is None:
        return None
    import numpy as np

    from facekit.files.weights import read_weights
    from facekit.fitting.encoder_start import encode
    from facekit.fitting.landmark_fit import focal_prior
    from facekit.networks.trained import from_arrays

    arrays, settings = read_weights(path)
    trained = from_arrays(arrays, settings)
    if settings.get("model_sha256") != model.digest:
        raise WrongKindError(f"{path} was trained on another face model; train one on {model.name}")

    def look(photo: ByteArray, landmarks: Landmarks, hidden: BoolArray | None) -> Encoded:
        focal = focal_prior(np.array(photo.shape[1::-1]))
        return encode(trained, photo, landmarks, hidden, focal, model.size)

    return look
