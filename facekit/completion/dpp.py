"""The determinantal point process that spreads completions apart (Diverse3DFace, Sec. 4.3, Eq. 8-10).

L_ij = q_i S_ij q_j, with S_ij = exp(-k d_ij / median(d)) over the hidden vertices and q_i the quality of one
completion. The loss is minus the expected size of a set drawn from the process, -tr(I - (L + I)^-1): it falls
as the set becomes more diverse, and as each member becomes more plausible. The median is a constant in the
gradient, as in the released code.

Quality. As printed, q = exp(-max(0, z.z - n_sigma sqrt(d))). For z ~ N(0, I) in d dimensions z.z is about d,
so beyond d = n_sigma^2 even the most typical z gets a quality near exp(-d): L and its gradient vanish. The
default reads "within 3 sigma of the prior" as the ball that holds as much of N(0, I) as 3 sigma hold of a
line (0.9973), and measures the excess as a distance, as the released code does: q = exp(-max(0, |z| -
radius)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, gammaincinv

Floats = NDArray[np.floating]


def distances(shapes: Floats) -> Floats:
    """L2 distances (N, N) between shapes (N, M, 3), zero diagonal (dist_ij of Eq. 8)."""
    flat = np.asarray(shapes, float).reshape(len(shapes), -1)
    flat = flat - flat.mean(0)
    gram = flat @ flat.T
    norm = np.diag(gram)
    squared = np.maximum(norm[:, None] + norm[None] - 2 * gram, 0)
    np.fill_diagonal(squared, 0)
    return np.sqrt(squared)


def median_distance(distance: Floats) -> float:
    """Median over the pairs i < j of distances (N, N)."""
    n = len(distance)
    if n < 2:
        return 1.0
    middle = (n * n + n) // 2  # behind the n zeros of the diagonal every pair stands twice
    ordered = np.partition(distance, (middle - 1, middle), axis=None)
    return float(ordered[middle - 1] + ordered[middle]) / 2


def similarity(distance: Floats, k: float = 0.5, scale: float | None = None) -> Floats:
    """S of Eq. 8, (N, N) in (0, 1], from distances (N, N); ``scale`` replaces their median."""
    scale = median_distance(distance) if scale is None else scale
    return np.exp(-k * distance / max(scale, 1e-12))


def radius(dimension: int, n_sigma: float) -> float:
    """Radius of the ball that holds as much of N(0, I_d) as n_sigma standard deviations hold of N(0, 1)."""
    return float(np.sqrt(2 * gammaincinv(dimension / 2, erf(n_sigma / np.sqrt(2)))))


def quality(
    energy: Floats, dimension: int, n_sigma: float = 3.0, printed: bool = False
) -> tuple[Floats, Floats]:
    """Quality q (N,) of latents with energies z.z (N,), and dq/denergy (N,). ``printed`` is Eq. 9 to the
    letter.
    """
    energy = np.asarray(energy, float)
    if printed:
        excess = energy - n_sigma * np.sqrt(dimension)
        slope = np.ones_like(energy)
    else:
        norm = np.sqrt(np.maximum(energy, 1e-24))
        excess = norm - radius(dimension, n_sigma)
        slope = 0.5 / norm
    q = np.exp(-np.maximum(0.0, excess))
    return q, np.where(excess > 0, -q * slope, 0.0)


def kernel(similar: Floats, q: Floats) -> Floats:
    """L_ij = q_i S_ij q_j, symmetric (N, N)."""
    return q[:, None] * similar * q[None]


def loss(L: Floats) -> float:
    """Eq. 10: minus the expected cardinality of the process, -tr(I - (L + I)^-1); between -N and 0."""
    n = len(L)
    return float(np.trace(np.linalg.inv(L + np.eye(n))) - n)


def loss_gradient(
    shapes: Floats, q: Floats, k: float = 0.5, scale: float | None = None
) -> tuple[float, Floats, Floats]:
    """Eq. 10 for shapes (N, M, 3) of qualities q (N,): loss, its gradient by shapes (N, M, 3) and by
    qualities (N,).

    Identical shapes have no direction in which to part; their mutual gradient is zero.
    """
    n = len(shapes)
    d = distances(shapes)
    scale = median_distance(d) if scale is None else scale
    S = similarity(d, k, scale)
    inverse = np.linalg.inv(kernel(S, q) + np.eye(n))
    by_L = -inverse @ inverse
    by_q = 2 * np.sum(by_L * S * q[None], axis=1)
    by_d = by_L * q[:, None] * q[None] * S * (-k / max(scale, 1e-12))
    weight = 2 * np.where(d > 1e-12, by_d / np.where(d > 1e-12, d, 1.0), 0.0)
    flat = np.asarray(shapes, float).reshape(n, -1)
    by_shape = weight.sum(1)[:, None] * flat - weight @ flat
    return float(np.trace(inverse) - n), by_shape.reshape(np.shape(shapes)), by_q


def greedy(L: Floats, n: int, first: int | None = None) -> NDArray[np.int64]:
    """Indices of n items that greedily maximise det L over the chosen set, in the order chosen (Chen et al.
    2018).

    L (N, N) positive semi-definite with N >= n; ``first`` fixes the first item.
    """
    if not 1 <= n <= len(L):
        raise ValueError(f"cannot choose {n} of {len(L)}")
    gain = np.diag(L).astype(float).copy()
    rows = np.zeros((n, len(L)))
    chosen: list[int] = []
    for step in range(n):
        free = gain.copy()
        free[chosen] = -np.inf
        pick = int(np.argmax(free)) if first is None or step else first
        rows[step] = (L[pick] - rows[:step, pick] @ rows[:step]) / np.sqrt(max(gain[pick], 1e-12))
        gain = gain - rows[step] ** 2
        chosen.append(pick)
    return np.array(chosen)
