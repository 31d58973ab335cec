"""The linear part of the Mesh-VAE's ``small`` preset: principal components of the faces it learns from, and
their Gaussian posterior given a part of a face.

What a part of a face says of the rest by correlation alone needs no training; the mesh convolutions beside it
learn what is left.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from facekit.records import FloatArray

SPAN, DRAWS, CHUNK = 512, 8000, 250  # faces that span the components, that weigh them, that are drawn at once

REAL = 1e-9  # of the largest variance, below which there is none


class LinearPath(nn.Module):
    """Offsets centre + z @ modes with z ~ N(0, I_K), seen with white noise. All in the network's unit."""

    centre: Tensor  # (V, 3)
    modes: Tensor  # (K, V, 3) per standard deviation
    noise: Tensor  # () deviation of each coordinate of what is seen

    def __init__(self, centre: FloatArray, modes: FloatArray, noise: float) -> None:
        super().__init__()
        self.register_buffer("centre", torch.as_tensor(np.asarray(centre, np.float32)))
        self.register_buffer("modes", torch.as_tensor(np.asarray(modes, np.float32)))
        self.register_buffer("noise", torch.tensor(float(noise)))
        self._grams: Tensor | None = None
        self._inverse: Tensor | None = None

    def offsets(self, z: Tensor) -> Tensor:
        """(B, V, 3) of z (B, K), from the centre."""
        return (z @ self.modes.flatten(1)).reshape(len(z), *self.centre.shape)

    def latents(self, offsets: Tensor) -> Tensor:
        """z (B, K) nearest to whole faces (B, V, 3)."""
        if self._inverse is None:
            modes = self.modes.flatten(1).double()
            gram = torch.linalg.pinv(modes @ modes.T, rtol=1e-9, hermitian=True)
            self._inverse = (modes.T @ gram).to(self.modes.dtype)
        return (offsets - self.centre).flatten(1) @ self._inverse

    def evidence(self, offsets: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """What offsets (B, V, 3) that count with ``weight`` (B, V) from 0 to 1 say of z: pull (B, K) and
        precision (B, K, K), both float64. The noise of a vertex is ``noise`` over its weight.
        """
        precision = weight.square() / self.noise.square()
        known = torch.where(weight[..., None] > 0, offsets - self.centre, 0.0) * precision[..., None]
        pull = known.flatten(1) @ self.modes.flatten(1).T
        return pull.double(), self._gram(precision).double()

    def _gram(self, precision: Tensor) -> Tensor:
        """sum_v precision_v modes_v modes_v^T, (B, K, K), of precisions (B, V)."""
        if self.training:
            if self._grams is None:
                self._grams = self._per_vertex()
            low = precision @ self._grams
            full = low.new_zeros(len(low), len(self.modes), len(self.modes))
            row, column = torch.tril_indices(len(self.modes), len(self.modes), device=low.device)
            full[:, row, column] = low
            full[:, column, row] = low
            return full
        some = [(self.modes * p[:, None]).flatten(1) @ self.modes.flatten(1).T for p in precision]
        return torch.stack(some)

    def _per_vertex(self) -> Tensor:
        """modes_v modes_v^T of each vertex, (V, K (K + 1) / 2): large, so for training alone."""
        row, column = torch.tril_indices(len(self.modes), len(self.modes), device=self.modes.device)
        one = self.modes.permute(1, 2, 0)
        parts = [torch.einsum("vcp,vcp->vp", v[..., row], v[..., column]) for v in one.split(64)]
        return torch.cat(parts)


def posterior(pull: Tensor, gram: Tensor, mean: Tensor, log_sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B, K) of z ~ N(mean, sigma^2) after ``LinearPath.evidence``, and the lower Cholesky factor
    (B, K, K) of its precision; float64.
    """
    own = (-2 * log_sigma.double()).exp()
    factor = torch.linalg.cholesky(gram + torch.diag_embed(own))
    found = torch.cholesky_solve((pull + own * mean.double())[..., None], factor)[..., 0]
    return found, factor


def components(draw: Callable[[int], FloatArray], count: int) -> tuple[FloatArray, FloatArray]:
    """Mean (V, 3) and ``count`` components (K, V, 3) per standard deviation, both float64, of faces that
    ``draw`` (n) gives as (n, V, 3).

    The faces' largest principal components, in the span of the first SPAN faces, turned so that they are as
    independent as fourth moments tell (FOBI, Cardoso 1989): an expression, which is seldom there, parts from
    the shape of the person, so that a prior of one deviation per component can say that it is not there.
    Components of 0 fill up what the faces lack.
    """
    first = np.asarray(draw(SPAN), np.float64).reshape(SPAN, -1)
    middle = first.mean(axis=0)
    values, vectors = np.linalg.eigh((first - middle) @ (first - middle).T)
    real = values > REAL * values[-1]
    span = ((first - middle).T @ (vectors[:, real] / np.sqrt(values[real]))).T
    drawn = (np.asarray(draw(CHUNK), np.float64).reshape(CHUNK, -1) for _ in range(DRAWS // CHUNK))
    code = np.concatenate([(faces - middle) @ span.T for faces in drawn])
    mean = code.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((code - mean).T))
    kept = np.flatnonzero(values > REAL * values[-1])[::-1][:count]
    size, axes = np.sqrt(values[kept]), vectors.T[kept]
    white = (code - mean) @ (axes / size[:, None]).T
    turn = np.linalg.eigh((white * np.sum(white**2, axis=1, keepdims=True)).T @ white)[1]
    modes = np.zeros((count, len(middle)))
    modes[: len(kept)] = turn.T @ (size[:, None] * (axes @ span))
    return (middle + mean @ span).reshape(-1, 3), modes.reshape(count, -1, 3)
