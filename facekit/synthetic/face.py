"""A random person with an expression: geometry, colours, hair, clothes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facekit.morphable.model import FaceModel
from facekit.records import FloatArray
from facekit.synthetic.atlas import atlas_of, face_frame
from facekit.synthetic.chance import between, numpy_generator
from facekit.synthetic.expression import sample_expression
from facekit.synthetic.hair import HairStyle, sample_style
from facekit.synthetic.skin import Look, paint, sample_look

if TYPE_CHECKING:
    import torch

TEXTURE_SIZE = 512
TRUNCATION = 2.2  # standard deviations
OFF_SPAN = (0.0005, 0.0010)  # m, RMS of the displacement that no model mode can represent


@dataclass(frozen=True)
class FaceOptions:
    """What may vary."""

    texture_size: int = TEXTURE_SIZE
    identity_scale: float = 1.0
    expression: bool = True
    off_span: tuple[float, float] = OFF_SPAN  # m


@dataclass(frozen=True)
class SyntheticFace:
    """One person. ``vertices`` = model.instance(code) + ``displacement``."""

    code: FloatArray  # (K,) float64, standard deviations: identity and expression
    displacement: FloatArray  # (V, 3) float32, m, outside the span of the identity modes
    vertices: FloatArray  # (V, 3) float32, m, head frame
    expression: dict[str, float]  # ARKit weights
    albedo: FloatArray  # (T, T, 3) float32, linear RGB, row 0 at the top of the chart
    look: Look
    hair: HairStyle
    cloth: FloatArray  # (9,) float32, as sample_cloth


def sample_face(
    model: FaceModel, generator: torch.Generator, options: FaceOptions | None = None
) -> SyntheticFace:
    """A random face on ``model``, which needs an ``ibug68`` embedding and a chart. Same generator state,
    same face."""
    options = options or FaceOptions()
    rng = numpy_generator(generator)
    code = np.zeros(model.size)
    identity = model.block("identity").slice
    code[identity] = np.clip(rng.standard_normal(model.block("identity").size), -TRUNCATION, TRUNCATION)
    code[identity] *= options.identity_scale
    weights = sample_expression(model.expression_names, rng) if options.expression else {}
    expression = model.block("expression")
    for name, weight in weights.items():
        place = model.expression_names.index(name)
        code[expression.start + place] = weight / model.expression_scale[place]
    code = model.clip(code)
    displacement = off_span(model, between(rng, *options.off_span), rng)
    look = sample_look(rng)
    style = sample_style(rng)
    cloth = sample_cloth(rng)
    return SyntheticFace(
        code,
        displacement,
        (model.instance(code) + displacement).astype(np.float32),
        weights,
        paint(atlas_of(model, options.texture_size), look),
        look,
        style,
        cloth,
    )


def off_span(model: FaceModel, rms: float, rng: np.random.Generator) -> FloatArray:
    """A smooth displacement (V, 3) float32, m, orthogonal to the identity modes, of the given RMS length.

    Sums of Gaussian bumps of 15 to 40 mm; the eyes and the teeth move with what surrounds them.
    """
    points, _ = face_frame(model)
    front = np.flatnonzero(points[:, 2] > -60)
    count = 60
    centres = points[rng.choice(front, count)]
    width = rng.uniform(15.0, 40.0, count)
    push = rng.standard_normal((count, 3)) * (15.0 / width)[:, None]
    gap = ((points[:, None] - centres[None]) ** 2).sum(axis=-1)
    field = np.exp(-0.5 * gap / width**2) @ push
    flat = field.reshape(-1)
    basis = _identity_frame(model)
    flat = flat - (flat @ basis.T) @ basis
    field = flat.reshape(-1, 3)
    face = points[:, 2] > -60
    return (field * (rms / np.sqrt((field[face] ** 2).sum(axis=1).mean()))).astype(np.float32)


_FRAMES: dict[int, tuple[FaceModel, FloatArray]] = {}


def _identity_frame(model: FaceModel) -> FloatArray:
    """Orthonormal rows (K_identity, 3V) that span the identity modes."""
    key = id(model)
    if key not in _FRAMES:
        modes = model.matrix[model.block("identity").slice]
        _FRAMES[key] = (model, np.linalg.qr(modes.T)[0].T.copy())
    return _FRAMES[key][1]


def sample_cloth(rng: np.random.Generator) -> FloatArray:
    """Clothes (9,): colour, linear RGB; neckline, y (mm, face frame) = height - depth exp(-(x/width)²) +
    slope |x|; pattern (0 plain, 1 dots, 2 stripes, 3 checks) and its pitch in mm for a face mask."""
    colour = np.clip(rng.uniform(0.02, 0.5) * np.exp(0.5 * rng.standard_normal(3)), 0.01, 0.8)
    line = [between(rng, -172, -150), between(rng, 2, 40), between(rng, 30, 60), between(rng, -0.05, 0.12)]
    return np.array([*colour, *line, int(rng.integers(0, 4)), between(rng, 2.5, 7.0)], np.float32)
