"""A network's completions to first order around the most probable one.

Where a network is a linear model with convolutions that correct it (preset ``small``), its faces hardly bend
within the few deviations that completions lie apart. The steps of the fast schedule are then matrix products,
and the network makes the faces once, at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facekit.records import FloatArray

if TYPE_CHECKING:
    import torch

    from facekit.completion.vae_completion import VaeCompletion


class Tangent:
    """What the steps of a descent need to know of a completion by network, as a ``methods.Movable``."""

    def __init__(self, way: VaeCompletion) -> None:
        centre, slopes = way.slopes
        self._way = way
        self._centre = centre
        self._modes = slopes.reshape(len(slopes), -1).astype(np.float32)
        self._spread = way.spread

    @property
    def dimension(self) -> int:
        """All latents."""
        return self._way.dimension

    def start(self, n: int, generator: torch.Generator) -> FloatArray:
        """Those of the network."""
        return self._way.start(n, generator)

    def raw(self, z: FloatArray) -> FloatArray:
        """Faces (n, V, 3) before the visible part is mended."""
        return self._centre + (z.astype(np.float32) @ self._modes).reshape(len(z), *self._centre.shape)

    def pullback(self, z: FloatArray, by_raw: FloatArray, by_hidden: FloatArray | None = None) -> FloatArray:
        """Through the slopes."""
        gradient = (by_raw.reshape(len(z), -1).astype(np.float32) @ self._modes.T).astype(np.float64)
        return gradient if by_hidden is None else gradient + by_hidden * self._spread

    def hidden(self, z: FloatArray) -> FloatArray:
        """As many features as latents, with the distances of the watched vertices."""
        return z * self._spread

    def energy(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """That of the latents, which is exact."""
        return self._way.energy(z)

    def allowed(self, z: FloatArray, reach: float) -> FloatArray:
        """The network's own, which are linearised already."""
        return self._way.allowed(z, reach)
