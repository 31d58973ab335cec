"""What shapes do to each other: a smile on an open jaw is not the sum of both.

The shapes of a model add up. Muscles do not: where two are drawn at once, the flesh between them goes its own
way, in each person a little differently. Without this, the mesh of any mixture would follow from the meshes
of its parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.records import FloatArray, IntArray
from facekit.synthetic.noise import smoothstep

PAIRS = (
    ("jawOpen", "mouthSmile"),
    ("jawOpen", "mouthFunnel"),
    ("jawOpen", "mouthStretch"),
    ("jawOpen", "noseSneer"),
    ("jawOpen", "mouthFrown"),
    ("jawOpen", "cheekSquint"),
    ("mouthSmile", "mouthPucker"),
    ("mouthSmile", "mouthUpperUp"),
    ("mouthSmile", "cheekSquint"),
    ("mouthSmile", "mouthPress"),
    ("mouthFrown", "mouthShrugLower"),
    ("mouthFrown", "mouthStretch"),
    ("mouthUpperUp", "noseSneer"),
    ("mouthLowerDown", "mouthStretch"),
    ("mouthPucker", "mouthFunnel"),
    ("browDown", "noseSneer"),
    ("browDown", "eyeSquint"),
    ("browDown", "browInnerUp"),
    ("browInnerUp", "browOuterUp"),
    ("cheekSquint", "eyeSquint"),
)
LENGTH = 0.0022  # m, of the displacement at its largest, both shapes at 1
STIFF = 0.35  # a pair moves what its shapes move, from this share of their largest movement on


@dataclass(frozen=True)
class Interplay:
    """P pairs of shapes and the displacement that their product scales."""

    first: IntArray  # (P,) shapes
    second: IntArray  # (P,)
    fields: FloatArray  # (P, 3V) float32, m

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Displacement (3V,) m of weights (E,)."""
        return (weights[self.first] * weights[self.second]) @ self.fields


def sample_interplay(
    names: tuple[str, ...],
    shapes: FloatArray,
    places: FloatArray,
    free: FloatArray,
    rng: np.random.Generator,
) -> Interplay:
    """A person's own interplay of the shapes (E, 3V) m called ``names``.

    places (V, 3) mm in the face frame; free (V,) 0..1, vertices that may move: not eyes and teeth.
    """
    first, second, fields = [], [], []
    for one, other in PAIRS:
        for suffix in ("_L", "_R"):
            pair = [name + suffix if name + suffix in names else name for name in (one, other)]
            if pair[0] not in names or pair[1] not in names:
                continue
            i, j = names.index(pair[0]), names.index(pair[1])
            fields.append(_field(shapes[[i, j]].reshape(2, -1, 3), places, free, rng))
            first.append(i)
            second.append(j)
    return Interplay(np.array(first, int), np.array(second, int), np.array(fields, np.float32))


def _field(moved: FloatArray, places: FloatArray, free: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A smooth displacement (3V,) m where both shapes move the skin, along their own directions and out of
    them."""
    length = np.linalg.norm(moved, axis=2)
    share = length / (length.max(axis=1, keepdims=True) + 1e-9)
    where = smoothstep(np.sqrt(share[0] * share[1]), 0.02, STIFF) * free
    knots = places[rng.choice(len(places), 6, p=where / where.sum())]
    push = rng.standard_normal((6, 3))
    gap = ((places[:, None] - knots[None]) ** 2).sum(axis=2)
    field = np.exp(-0.5 * gap / rng.uniform(12.0, 22.0, 6) ** 2) @ push * where[:, None]
    return (field * (LENGTH / np.linalg.norm(field, axis=1).max())).ravel()
