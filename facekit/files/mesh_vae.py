"""The Mesh-VAE that comes with facekit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.files.assets import has_asset, read_asset_weights

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE
    from facekit.morphable.model import FaceModel

ASSET = "mesh_vae.safetensors"


def shipped_vae(model: FaceModel) -> MeshVAE | None:
    """The packaged network; None for a model it was not trained for. Raises as ``read_asset_weights``."""
    from facekit.completion.mesh_vae import from_arrays

    if not has_asset(ASSET):
        return None
    arrays, settings = read_asset_weights(ASSET)
    if settings.get("model_sha256") != model.digest:
        return None
    return from_arrays(arrays, settings, model.topology.faces)
