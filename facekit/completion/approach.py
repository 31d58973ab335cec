"""How completions are to be made: what a caller may choose beyond the fit and the number of faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facekit.completion.names import DEFAULT_METHOD, WITHOUT_NETWORK
from facekit.texture.options import TextureOptions

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE
    from facekit.completion.sampler import Choice
    from facekit.records import ByteArray


@dataclass(frozen=True)
class Approach:
    """The way to the completions of one fit."""

    method: str | None = None  # a name of METHODS; None is DEFAULT_METHOD, or WITHOUT_NETWORK without one
    settings: Choice | None = None  # as presets.suited takes them
    network: MeshVAE | None = None  # for the methods with vae
    region: str | None = None  # a name of the model's regions: that one alone varies, seen or not
    photo: ByteArray | None = None  # (H, W, 3) uint8 sRGB, looked at where the settings give it a weight
    rounds: int = 1  # of completing the picture and fitting to it again; in the first there is no picture yet
    texture: TextureOptions = field(default_factory=TextureOptions)  # what the pictures make use of

    @property
    def chosen(self) -> str:
        """The name of the method."""
        return self.method or (WITHOUT_NETWORK if self.network is None else DEFAULT_METHOD)


USUAL = Approach()
