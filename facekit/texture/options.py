"""What a completion of the texture makes use of."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.errors import UsageError

INPAINTERS = ("auto", "linear", "network")


@dataclass(frozen=True)
class TextureOptions:
    """Parts of the completion that can be left out, for ablations.

    separate_light: the light is divided out before the texture is completed, and laid on again. Without, the
    texture is completed as the photo shows it, under one light of the same mean that comes from all around.
    symmetric: texels that only the mirror side shows are copied from it.
    inpainter: "linear", the albedo model; "network", a Sym-UNet on top of it; "auto", the network where one
    comes with facekit for the face model's chart.
    """

    separate_light: bool = True
    symmetric: bool = True
    inpainter: str = "auto"

    def __post_init__(self) -> None:
        if self.inpainter not in INPAINTERS:
            raise UsageError(f"the inpainter is one of {', '.join(INPAINTERS)}, not {self.inpainter!r}")


WHOLE = TextureOptions()  # the whole method
