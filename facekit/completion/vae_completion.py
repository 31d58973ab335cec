"""The Mesh-VAE as a way to complete a face (Diverse3DFace, Alg. 2): a ``methods.Method``.

The encoder's distribution given the visible part is N(mean, root root^T); the coordinates e that the samplers
move are whitened by it, z = mean + root e, so that directions that would move the visible part move it
little. A fit errs by about a millimetre, and much the same all around: the mean takes its visible part as it
is, being the best guess, and the root for as much as ``certainty`` says that it is worth. The paper takes the
decoder's whole mesh as the result, so that the visible part is only as exact as the network; here what the
network misses of it is added, and carried on into the hidden part as a membrane.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from facekit.completion import dpp
from facekit.completion.certainty import equivalent_noise
from facekit.completion.evidence import evidence
from facekit.completion.limits import HalfSpaces, Pairs, both, bounds
from facekit.completion.membrane import Membrane
from facekit.completion.posterior import EFFECTIVE_SHARE, TOLERANCE
from facekit.completion.settle import settle
from facekit.completion.tangent import Tangent
from facekit.errors import WrongKindError
from facekit.metrics import mahalanobis
from facekit.morphable.model import FaceModel
from facekit.records import Fit, FloatArray

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import Latents, MeshVAE
    from facekit.completion.methods import Movable

CHUNK = 32  # meshes decoded at a time
ROOM = 0.5  # standard deviations, by which expressions may leave their bounds: what a network makes of them


class VaeCompletion:
    """Completions of one fit by a trained network."""

    def __init__(self, fit: Fit, model: FaceModel, hidden: FloatArray, network: MeshVAE) -> None:
        """hidden (V,) weights from 0 to 1: the vertices that the completions should differ in.

        Raises WrongKindError for a network of another topology.
        """
        if len(network.mean) != len(fit.vertices):
            raise WrongKindError("the mesh VAE was trained for another face model; give the one of this fit")
        self.network = network.eval().requires_grad_(False)
        self._model = model
        self.vertices = np.asarray(fit.vertices, np.float64)
        self.visible = np.asarray(fit.visible, bool)
        self.pairs = Pairs.of(model, self.vertices, self.visible)
        self._sight = evidence(self.visible, model)
        self._watched = np.flatnonzero((hidden > 0) & ~self.visible)
        self._weight = np.sqrt(hidden[self._watched])[:, None]
        self._membrane = Membrane(fit.faces, self.visible)
        self._last: tuple[bytes, torch.Tensor, torch.Tensor] | None = None
        trust = TOLERANCE / max(TOLERANCE, equivalent_noise(fit, model, self._sight))
        given, spread = self._posterior(1.0), self._posterior(trust)
        with torch.no_grad():
            self._anchor = _numpy(network.decode(given.mean)[0])
        self.mean, self.root = _numpy(given.mean[0]), _numpy(spread.root[0])
        self._order()

    @torch.no_grad()
    def _posterior(self, trust: float) -> Latents:
        """What the encoder says given the visible part, that much of it."""
        whole, sight = self.vertices[None], self._sight[None] * trust
        return self.network.posterior(self._tensor(whole), self._tensor(sight))

    def _order(self) -> None:
        """Turn the coordinates so that the hidden part moves along each apart from the others, most along the
        first.
        """
        turn = np.eye(self.dimension)
        centre = self.raw(turn[:1] * 0)
        slopes = self.raw(turn) - centre
        mended = self._membrane.mend(slopes, np.zeros_like(centre[0]))
        moved = self.features(mended)
        variance, turn = np.linalg.eigh(moved @ moved.T)
        variance = np.maximum(variance[::-1], 0.0)
        turn = np.ascontiguousarray(turn[:, ::-1])  # BLAS takes no backward strides
        share = np.cumsum(variance) / max(variance.sum(), 1e-30)
        self.deciding = int(np.searchsorted(share, EFFECTIVE_SHARE)) + 1
        self.root = self.root @ turn
        self.spread = np.sqrt(variance)
        self.slopes = centre[0], _turned(turn, slopes)
        self.mended = self._membrane.mend(centre, self.vertices)[0], _turned(turn, mended)
        self._last = None

    @cached_property
    def limits(self) -> HalfSpaces:
        """What the linear methods hold their latents to, with the network linearised at the most probable
        face: expressions within their bounds by ROOM, lips and lids that do not cross.
        """
        centre, slopes = self.mended
        moved = centre + slopes
        model, code = self._model, self._model.code(centre[None])[0]
        lift, gap = model.code(moved) - code, self.pairs.gaps(centre[None])[0]
        expressions = bounds(model.lower - ROOM, model.upper + ROOM, code, lift)
        opening = (self.pairs.gaps(moved) - gap).T
        apart = HalfSpaces(-opening, np.maximum(gap - self.pairs.least, 0.0))
        bound = np.isfinite(self.pairs.most)
        near = HalfSpaces(opening[bound], np.maximum(self.pairs.most - gap, 0.0)[bound])
        return both(expressions, both(apart, near))

    def tangent(self) -> Movable:
        """The network to first order, where it has a linear path that carries most; else itself."""
        return self if self.network.linear is None else Tangent(self)

    @property
    def dimension(self) -> int:
        """All latents."""
        return len(self.mean)

    def start(self, n: int, generator: torch.Generator) -> FloatArray:
        """Standard normal numbers; the first are 0."""
        e = torch.randn(n, self.dimension, generator=generator, dtype=torch.float64).numpy().copy()
        e[0] = 0
        return self.limits.project(e)

    def decode(self, z: FloatArray) -> FloatArray:
        """The fit where it is seen, the network's face with the membrane where not."""
        return np.concatenate([self._membrane.mend(made, self.vertices) for made in self._decoded(z)])

    def raw(self, z: FloatArray) -> FloatArray:
        """The network's faces."""
        return np.concatenate(list(self._decoded(z)))

    def pullback(self, z: FloatArray, by_raw: FloatArray, by_hidden: FloatArray | None = None) -> FloatArray:
        """Through the network, once."""
        latent, made = self._with_graph(z)
        gradient = by_raw if by_hidden is None else by_raw + self._by_raw(by_hidden)
        towards = torch.as_tensor(gradient, dtype=made.dtype, device=made.device)
        return _numpy(torch.autograd.grad(made, latent, towards, retain_graph=True)[0]) @ self.root

    def pullback_decoded(self, z: FloatArray, gradient: FloatArray) -> FloatArray:
        """Gradient from that by the completed faces (n, V, 3)."""
        return self.pullback(z, self._membrane.mend_back(gradient))

    def hidden(self, z: FloatArray) -> FloatArray:
        """The watched vertices, weighted."""
        made = (self._membrane.mend(raw, self.vertices) for raw in self._decoded(z))
        return np.concatenate([self.features(whole) for whole in made])

    def features(self, whole: FloatArray) -> FloatArray:
        """The watched vertices of completed faces (n, V, 3), weighted."""
        return (whole[:, self._watched] * self._weight).reshape(len(whole), -1)

    def hidden_pullback(self, gradient: FloatArray, z: FloatArray) -> FloatArray:
        """Through the membrane and the network."""
        return self.pullback(z, self._by_raw(gradient))

    def stray(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Motion of the visible part from where the most probable latent has it, before it is mended."""
        total = max(float(self._sight @ self._sight), 1.0)
        off = (_numpy(self._with_graph(z)[1]) - self._anchor) * self._sight[:, None]
        by_shape = 2e6 / total * off * self._sight[:, None]
        return 1e6 / total * np.sum(off**2, axis=(1, 2)), self.pullback(z, by_shape)

    def energy(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Squared length of the latents in the prior N(0, I)."""
        latent = self.codes(z)
        return np.sum(latent**2, axis=1), 2 * latent @ self.root

    def allowed(self, z: FloatArray, reach: float) -> FloatArray:
        """Each coordinate within ``reach``, those that decide about the hidden part together within the
        radius of so many deviations, inside the half-spaces, and the latents within the quality's radius or
        that of the most probable one.
        """
        z = np.clip(z, -reach, reach)
        length = np.maximum(np.linalg.norm(z[:, : self.deciding], axis=1, keepdims=True), 1e-12)
        z[:, : self.deciding] *= np.minimum(1.0, dpp.radius(self.deciding, reach) / length)
        z = self.limits.project(z, sweeps=2)
        away, own = z @ self.root.T, float(self.mean @ self.mean)
        room = max(dpp.radius(self.dimension, reach) ** 2 - own, 0.0)
        length, along = np.maximum((away**2).sum(1), 1e-12), away @ self.mean
        share = (np.sqrt(along**2 + length * room) - along) / length
        return z * np.minimum(share, 1.0)[:, None]

    def settled(self, z: FloatArray, reach: float) -> FloatArray:
        """Lips and lids do not cross."""
        return settle(self, z, reach)

    def mahalanobis(self, z: FloatArray) -> FloatArray:
        """Of the completed faces, by the face model's own measure."""
        return np.asarray(mahalanobis(self._model, self.decode(z)))

    def codes(self, z: FloatArray) -> FloatArray:
        """The latents."""
        return self.mean + z @ self.root.T

    def _by_raw(self, gradient: FloatArray) -> FloatArray:
        """Gradient by the network's faces (n, V, 3) from that by the features of ``hidden``."""
        by_shape = np.zeros((len(gradient), *self.vertices.shape))
        by_shape[:, self._watched] = gradient.reshape(len(gradient), -1, 3) * self._weight
        return self._membrane.mend_back(by_shape)

    def _decoded(self, z: FloatArray) -> Iterator[FloatArray]:
        """The network's meshes, some at a time."""
        if len(z) <= CHUNK:
            yield _numpy(self._with_graph(z)[1])
            return
        for start in range(0, len(z), CHUNK):
            with torch.no_grad():
                yield _numpy(self.network.decode(self._tensor(self.codes(z[start : start + CHUNK]))))

    def _with_graph(self, z: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and meshes for gradients; the last ones are kept, as a step asks for them several times."""
        key = np.ascontiguousarray(z).tobytes()
        if self._last is None or self._last[0] != key:
            latent = self._tensor(self.codes(z)).requires_grad_()
            self._last = (key, latent, self.network.decode(latent))
        return self._last[1:]

    def _tensor(self, z: FloatArray) -> torch.Tensor:
        mean = self.network.mean
        return torch.as_tensor(z, dtype=mean.dtype, device=mean.device)


def _turned(turn: FloatArray, slopes: FloatArray) -> FloatArray:
    """Slopes (K, V, 3) along other coordinates, the columns of ``turn``."""
    return (turn.T @ slopes.reshape(len(slopes), -1)).reshape(slopes.shape)


def _numpy(value: torch.Tensor) -> FloatArray:
    return value.detach().cpu().numpy().astype(np.float64)
