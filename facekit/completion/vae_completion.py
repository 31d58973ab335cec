"""The Mesh-VAE as a way to complete a face (Diverse3DFace, Alg. 2, without pixels): a ``methods.Method``.

Latents are samples of the encoder's distribution given the visible part. The paper takes the decoder's whole
mesh as the result, so that the visible part is only as exact as the network; here what the network misses of
it is added, and carried on into the hidden part as a membrane, so that no seam shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu

from facekit.completion.evidence import evidence
from facekit.errors import WrongKindError
from facekit.geometry.mesh import adjacency
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, Fit, FloatArray, IntArray

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE

CHUNK = 32  # meshes decoded at a time


class Membrane:
    """Offsets known on the visible vertices, carried on to the hidden ones: each the mean of its neighbours.

    A piece without visible vertices keeps offset 0.
    """

    def __init__(self, faces: IntArray, visible: BoolArray) -> None:
        graph = adjacency(len(visible), faces)
        self.seen, self.unseen = np.flatnonzero(visible), np.flatnonzero(~visible)
        degree = np.asarray(graph.sum(axis=1)).ravel()[self.unseen]
        inner = sparse.diags(degree + 1e-6) - graph[self.unseen][:, self.unseen]  # 1e-6 holds unseen pieces
        self._border = graph[self.unseen][:, self.seen].tocsr()
        self._solve = splu(inner.tocsc()).solve if len(self.unseen) else None

    def carry(self, known: FloatArray) -> FloatArray:
        """(V_seen, K) to (V_unseen, K)."""
        return known[:0] if self._solve is None else self._solve(self._border @ known)

    def carry_back(self, gradient: FloatArray) -> FloatArray:
        """Gradient by the known offsets (V_seen, K) from that by the carried ones (V_unseen, K)."""
        solved = gradient if self._solve is None else self._solve(np.ascontiguousarray(gradient))
        return self._border.T @ solved


class VaeCompletion:
    """Completions of one fit by a trained network."""

    def __init__(self, fit: Fit, model: FaceModel, hidden: FloatArray, network: MeshVAE) -> None:
        """hidden (V,) weights from 0 to 1: the vertices that the completions should differ in.

        Raises WrongKindError for a network of another topology.
        """
        if len(network.mean) != len(fit.vertices):
            raise WrongKindError("the mesh VAE was trained for another face model; give the one of this fit")
        self.network = network.eval().requires_grad_(False)
        self.vertices = np.asarray(fit.vertices, np.float64)
        self.visible = np.asarray(fit.visible, bool)
        self._sight = evidence(self.visible, model)[self.visible]
        self._watched = np.flatnonzero((hidden > 0) & ~self.visible)
        self._weight = np.sqrt(hidden[self._watched])[:, None]
        self._membrane = Membrane(fit.faces, self.visible)
        self._last: tuple[bytes, torch.Tensor, torch.Tensor] | None = None
        mesh = torch.as_tensor(self.vertices[None], dtype=torch.float32, device=network.mean.device)
        seen = torch.as_tensor(self.visible[None], device=network.mean.device)
        with torch.no_grad():
            mu, log_sigma = network.encode(mesh, seen)
            self._anchor = _numpy(network.decode(mu)[0])[self.visible]
        self.mu, self.sigma = _numpy(mu[0]), _numpy(log_sigma[0].exp())

    @property
    def dimension(self) -> int:
        """All latents."""
        return len(self.mu)

    def start(self, n: int, generator: torch.Generator) -> FloatArray:
        """Samples of N(mu, sigma^2); the first is mu."""
        z = torch.randn(n, self.dimension, generator=generator, dtype=torch.float64).numpy()
        z[0] = 0
        return self.mu + self.sigma * z

    def decode(self, z: FloatArray) -> FloatArray:
        """The fit where it is seen, the network's face with the membrane where not."""
        return np.concatenate([self._completed(made) for made in self._decoded(z)])

    def hidden(self, z: FloatArray) -> FloatArray:
        """The watched vertices, weighted."""
        parts = [self._completed(made)[:, self._watched] * self._weight for made in self._decoded(z)]
        return np.concatenate(parts).reshape(len(z), -1)

    def hidden_pullback(self, gradient: FloatArray, z: FloatArray) -> FloatArray:
        """Through the membrane and the network."""
        by_shape = np.zeros((len(z), *self.vertices.shape))
        by_shape[:, self._watched] = gradient.reshape(len(z), -1, 3) * self._weight
        carried = self._membrane.carry_back(_columns(by_shape[:, self._membrane.unseen]))
        by_shape[:, self._membrane.seen] = -_rows(carried, len(z))
        return self._pulled(by_shape, z)

    def stray(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Motion of the visible part from where the most probable latent has it, before the membrane mends
        it.
        """
        made = _numpy(self._with_graph(z)[1])
        total = max(float(self._sight @ self._sight), 1.0)
        off = (made[:, self.visible] - self._anchor) * self._sight[:, None]
        by_shape = np.zeros_like(made)
        by_shape[:, self.visible] = 2e6 / total * off * self._sight[:, None]
        return 1e6 / total * np.sum(off**2, axis=(1, 2)), self._pulled(by_shape, z)

    def energy(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """z.z."""
        return np.sum(z**2, axis=1), 2 * z

    def allowed(self, z: FloatArray, reach: float) -> FloatArray:
        """Each coordinate within ``reach`` of the prior's deviations."""
        return np.clip(z, -reach, reach)

    def codes(self, z: FloatArray) -> FloatArray:
        """The latents."""
        return z

    def _completed(self, made: FloatArray) -> FloatArray:
        """The network's meshes (n, V, 3) with the fit's visible part."""
        missed = (self.vertices - made)[:, self._membrane.seen]
        out = made.copy()
        out[:, self._membrane.seen] += missed
        out[:, self._membrane.unseen] += _rows(self._membrane.carry(_columns(missed)), len(made))
        return out

    def _decoded(self, z: FloatArray) -> Iterator[FloatArray]:
        """The network's meshes of latents, some at a time."""
        if len(z) <= CHUNK:
            yield _numpy(self._with_graph(z)[1])
            return
        for start in range(0, len(z), CHUNK):
            with torch.no_grad():
                yield _numpy(self.network.decode(self._tensor(z[start : start + CHUNK])))

    def _with_graph(self, z: FloatArray) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and meshes for gradients; the last ones are kept, as a step asks for them several times."""
        key = np.ascontiguousarray(z).tobytes()
        if self._last is None or self._last[0] != key:
            latent = self._tensor(z).requires_grad_()
            self._last = (key, latent, self.network.decode(latent))
        return self._last[1:]

    def _pulled(self, by_shape: FloatArray, z: FloatArray) -> FloatArray:
        latent, made = self._with_graph(z)
        towards = torch.as_tensor(by_shape, dtype=made.dtype, device=made.device)
        return _numpy(torch.autograd.grad(made, latent, towards, retain_graph=True)[0])

    def _tensor(self, z: FloatArray) -> torch.Tensor:
        mean = self.network.mean
        return torch.as_tensor(z, dtype=mean.dtype, device=mean.device)


def _numpy(value: torch.Tensor) -> FloatArray:
    return value.detach().cpu().numpy().astype(np.float64)


def _columns(meshes: FloatArray) -> FloatArray:
    """(n, V, 3) to (V, 3 n)."""
    return meshes.transpose(1, 0, 2).reshape(meshes.shape[1], -1)


def _rows(columns: FloatArray, n: int) -> FloatArray:
    """(V, 3 n) to (n, V, 3)."""
    return columns.reshape(len(columns), n, 3).transpose(1, 0, 2)
