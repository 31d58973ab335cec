"""The ICT Face Model Light as the source of the default model, made exactly symmetric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facekit.errors import WrongKindError
from facekit.morphable.topology import MIRROR
from facekit.records import FloatArray, IntArray

CENTIMETRE = 0.01
VERTICES = 26719
NEEDED = (
    *("v", "tri", "mirror", "id_basis", "id_scale", "exp_basis", "exp_scale", "exp_names", "exp_mirror"),
    *("extra_basis", "extra_names", "part_names", "part_t", "narrow_t", "full_t", "lmk68"),
)


@dataclass(frozen=True)
class IctSource:
    """Arrays of the ICT Face Model Light, in metres, symmetrised."""

    mean: FloatArray  # (V, 3) float64, m
    identity: FloatArray  # (100, V, 3) float64, m per standard deviation, each symmetric or antisymmetric
    expression: FloatArray  # (53, V, 3) float64, m at weight 1
    expression_names: tuple[str, ...]
    expression_mirror: IntArray  # (53,) partner of each expression
    triangles: IntArray  # (F, 3)
    mirror: IntArray  # (V,)
    parts: Mapping[str, tuple[int, int]]  # triangle range of each part
    narrow: int  # number of triangles of the narrow face area, which come first
    face: int  # number of triangles of the full face area
    landmarks68: IntArray  # (68,) vertices, Multi-PIE order
    pupil: FloatArray  # (3,) m, centre of the left pupil of the mean

    def part(self, name: str) -> IntArray:
        """Triangles (f, 3) of a part."""
        start, stop = self.parts[name]
        return self.triangles[start:stop]

    def shape(
        self, identity: Mapping[int, float] | None = None, expression: Mapping[str, float] | None = None
    ) -> FloatArray:
        """Vertices (V, 3) of some identity coefficients and expression weights."""
        vertices = self.mean.copy()
        for k, value in (identity or {}).items():
            vertices += value * self.identity[k]
        for name, value in (expression or {}).items():
            vertices += value * self.expression[self.expression_names.index(name)]
        return vertices


def from_ict(arrays: Mapping[str, np.ndarray]) -> IctSource:
    """The source made from the arrays of ``ict_face_model_light.npz`` (cm).

    Raises WrongKindError where they are not those of the whole ICT Face Model Light.
    """
    missing = [name for name in NEEDED if name not in arrays]
    if missing or len(arrays["v"]) != VERTICES:
        raise WrongKindError(
            "the default model is built from ict_face_model_light.npz, and this file is not it: "
            + (f"it has no {missing[0]}" if missing else f"it has {len(arrays['v'])} vertices")
        )
    mirror = np.asarray(arrays["mirror"])
    partner = np.asarray(arrays["exp_mirror"])

    def reflect(vectors: FloatArray) -> FloatArray:
        return vectors[..., mirror, :] * MIRROR

    mean = arrays["v"].astype(np.float64) * CENTIMETRE
    mean = (mean + reflect(mean)) / 2
    identity = arrays["id_basis"].astype(np.float64) * (arrays["id_scale"][:, None, None] * CENTIMETRE)
    sign = np.sign((identity * reflect(identity)).sum(axis=(1, 2)))
    identity = (identity + sign[:, None, None] * reflect(identity)) / 2
    expression = arrays["exp_basis"].astype(np.float64) * (arrays["exp_scale"][:, None, None] * CENTIMETRE)
    expression = (expression + reflect(expression[partner])) / 2
    ranges = {
        str(n): (int(a), int(b)) for n, (a, b) in zip(arrays["part_names"], arrays["part_t"], strict=True)
    }
    dilate = list(arrays["extra_names"]).index("PupilDilate_L")
    size = np.linalg.norm(arrays["extra_basis"][dilate].astype(np.float64), axis=1)
    return IctSource(
        mean=mean,
        identity=identity,
        expression=expression,
        expression_names=tuple(str(n) for n in arrays["exp_names"]),
        expression_mirror=partner,
        triangles=np.asarray(arrays["tri"]),
        mirror=mirror,
        parts=ranges,
        narrow=int(arrays["narrow_t"]),
        face=int(arrays["full_t"]),
        landmarks68=np.asarray(arrays["lmk68"]),
        pupil=mean[size > size.max() / 2].mean(axis=0),
    )
