"""The global+local model (Diverse3DFace, Sec. 4.1, Eq. 4-6): PCA of the residual by region.

With codes ~ N(0, I) the residual after the global modes is a Gaussian whose covariance is known, so each
region's PCA is a singular value decomposition of the residual modes times the region's weights; no meshes
are sampled. The weights fall off smoothly across borders and sum to one: a residual that all regions share
comes out unchanged, and no point is moved twice. The model is linear and its regions have no mean of their
own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facekit.geometry.mesh import geodesic_distance
from facekit.morphable.model import Block, FaceModel
from facekit.morphable.topology import PARTS, Topology
from facekit.records import Code, FloatArray

# Width in m over which a region's weight falls to zero outside it; the large smooth regions reach further.
FEATHER = {"forehead": 0.022, "scalp": 0.03, "neck": 0.03, "face": 0.016}
OTHER_FEATHER = 0.010
FACE = ("face", "forehead", "nose", "lips", "left_eye_region", "right_eye_region")  # what a portrait shows
SHARE = 0.3  # standard deviation of what a person's face adds by region, relative to the model's own residual
EXPLAINED = 0.9  # share of its variance that those modes keep
GLOBAL_IDENTITY = 10  # modes of the identity that the regions do not vary again, as in the paper
LEAST_RMS = 2e-5  # m, residual of a region below which it gets no modes
REST = "face"  # skin that belongs to none of the other regions
REGIONS = (
    "forehead",
    "nose",
    "lips",
    "left_eye_region",
    "right_eye_region",
    "left_ear",
    "right_ear",
    "neck",
    "scalp",
)
# Parts that are not skin move with a region, so that eyes stay behind their lids and teeth behind the lips.
ATTACHED = {"left_eye": "left_eye_region", "right_eye": "right_eye_region", "mouth": "lips", "teeth": "lips"}


@dataclass(frozen=True)
class LocalModes:
    """PCA of one region's residual."""

    region: str
    kind: str  # "identity" or "expression"
    modes: FloatArray  # (k, V, 3) float64, m per standard deviation, by falling variance
    lost: FloatArray  # (V,) float64, m, standard deviation of what the modes left out moved


def local_weights(model: FaceModel) -> dict[str, FloatArray]:
    """Weights (V,) float64 of the regions, summing to one; symmetric where the topology is."""
    labels = _labels(model.topology, model.mean)
    skin_faces = model.topology.faces[model.topology.part("skin")[model.topology.faces].all(axis=1)]
    skin = model.topology.part("skin")
    raw = {}
    for name in (REST, *REGIONS):
        inside = labels == name
        if not inside.any():
            continue
        weight = inside.astype(np.float64)
        if (inside & skin).any():
            feather = FEATHER.get(name, OTHER_FEATHER)
            distance = geodesic_distance(model.mean, skin_faces, np.flatnonzero(inside & skin), limit=feather)
            ramp = np.clip(1 - distance / feather, 0.0, 1.0)
            weight[skin] = (ramp * ramp * (3 - 2 * ramp))[skin]
        raw[name] = weight
    total = np.sum(list(raw.values()), axis=0)
    weights = {name: weight / total for name, weight in raw.items()}
    if (model.topology.mirror < 0).any():
        return weights
    partner = {name: weights.get(_swapped(name), weight) for name, weight in weights.items()}
    return {name: (weights[name] + partner[name][model.topology.mirror]) / 2 for name in weights}


def _swapped(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)


def _labels(topology: Topology, mean: FloatArray) -> FloatArray:
    """(V,) the one region that each vertex belongs to."""
    labels = np.full(len(topology.parts), REST, dtype="<U16")
    for name in REGIONS:
        if name in topology.regions:
            labels[topology.regions[name] > 0.5] = name
    names = np.array(PARTS)[topology.parts]
    for part, region in ATTACHED.items():
        labels[names == part] = region
    sockets = names == "socket"
    labels[sockets] = np.where(mean[sockets, 0] > 0, "left_eye_region", "right_eye_region")
    return labels


def local_modes(
    residual: FloatArray, weights: dict[str, FloatArray], kind: str, explained: float
) -> list[LocalModes]:
    """PCA by region of the residual modes (R, V, 3), each keeping ``explained`` of its region's variance."""
    found = []
    for region, weight in weights.items():
        inside = weight > 0
        masked = (residual[:, inside] * weight[inside, None]).reshape(len(residual), -1)
        variance = (masked**2).sum()
        if variance <= LEAST_RMS**2 * inside.sum():
            continue
        value, vector = np.linalg.eigh(masked @ masked.T)
        value, vector = np.maximum(value[::-1], 0.0), np.ascontiguousarray(vector[:, ::-1])
        count = int(np.searchsorted(np.cumsum(value), explained * variance)) + 1
        flat = vector.T @ masked
        modes = np.zeros((count, *residual.shape[1:]))
        modes[:, inside] = flat[:count].reshape(count, -1, 3)
        lost = np.zeros(len(weight))
        lost[inside] = np.sqrt((flat[count:].reshape(-1, inside.sum(), 3) ** 2).sum(axis=(0, 2)))
        found.append(LocalModes(region, kind, modes, lost))
    return found


def global_local(
    model: FaceModel,
    global_identity: int = GLOBAL_IDENTITY,
    global_expression: int = 10,
    explained: float = 0.995,
) -> FaceModel:
    """The global+local model made from a global one; regions keep ``explained`` of their residual variance.

    The global expression modes are the PCA of the expressions, so neither they nor the local modes have
    bounds; ``arkit`` gives the nearest ARKit weights.
    """
    identity = model.basis[model.block("identity").slice].astype(np.float64)
    expression = _principal(model.basis[model.block("expression").slice].astype(np.float64))
    weights = local_weights(model)
    parts = local_modes(identity[global_identity:], weights, "identity", explained)
    parts += local_modes(expression[global_expression:], weights, "expression", explained)
    parts.sort(key=lambda part: list(weights).index(part.region))
    leading = [identity[:global_identity], expression[:global_expression]]
    basis = np.concatenate([*leading, *(part.modes for part in parts)]).astype(np.float32)
    expressive = [False] * len(leading[0]) + [True] * len(leading[1])
    expressive += [part.kind == "expression" for part in parts for _ in part.modes]
    first, second = len(leading[0]), len(leading[0]) + len(leading[1])
    return replace(
        model,
        name=f"{model.name}-global+local",
        basis=basis,
        blocks=(
            Block("identity", 0, first),
            Block("expression", first, second),
            Block("local", second, len(basis)),
        ),
        lower=np.full(len(basis), -np.inf),
        upper=np.full(len(basis), np.inf),
        arkit_map=_arkit_map(model, basis, np.array(expressive)),
    )


_regional: dict[str, FaceModel] = {}  # by digest of the model


def regional(model: FaceModel) -> FaceModel:
    """The model with a block of local modes added: those that a fit to the pixels gives a face by region.

    They are the local identity modes of the face's regions (Eq. 6), at SHARE of their standard deviation:
    the model's own modes stay, whole and with their codes, so that a posterior of those codes still holds,
    and what is hidden still follows from what is seen. The model itself where it has local modes or no
    regions.
    """
    identity = model.block("identity")
    no_regions = not set(REGIONS) & model.topology.regions.keys()
    if model.block("local").size or no_regions or identity.size <= GLOBAL_IDENTITY:
        return model
    if model.digest not in _regional:
        residual = model.basis[identity.slice][GLOBAL_IDENTITY:].astype(np.float64)
        weights = {name: weight for name, weight in local_weights(model).items() if name in FACE}
        parts = local_modes(residual, weights, "identity", EXPLAINED)
        added = SHARE * np.concatenate([part.modes for part in parts])
        free = np.full(len(added), np.inf)
        arkit_map = model.arkit_map
        if arkit_map is not None:
            arkit_map = np.pad(arkit_map, ((0, 0), (0, len(added))))
        _regional[model.digest] = replace(
            model,
            name=f"{model.name}+regions",
            basis=np.concatenate([model.basis, added.astype(np.float32)]),
            blocks=(*model.blocks, Block("local", model.size, model.size + len(added))),
            lower=np.r_[model.lower, -free],
            upper=np.r_[model.upper, free],
            arkit_map=arkit_map,
        )
    return _regional[model.digest]


def body_of(model: FaceModel, code: Code) -> FaceModel:
    """The model whose ``instance(join(code))`` is the shape of a fit made with ``model``."""
    return regional(model) if len(code.local) else model


def _principal(modes: FloatArray) -> FloatArray:
    """The same Gaussian (K, V, 3) with orthogonal modes by falling variance."""
    flat = modes.reshape(len(modes), -1)
    vectors = np.ascontiguousarray(np.linalg.eigh(flat @ flat.T)[1][:, ::-1])
    return (vectors.T @ flat).reshape(modes.shape)


def _arkit_map(model: FaceModel, basis: FloatArray, expressive: FloatArray) -> FloatArray | None:
    """(K_e, K) map from codes to ARKit weights: least squares of the expressive displacement on the
    expressions.
    """
    if not model.expression_names or model.arkit_map is not None:
        return None
    expressions = model.matrix[model.block("expression").slice]
    flat = basis.reshape(len(basis), -1).astype(np.float64) * expressive[:, None]
    fit = np.linalg.lstsq(expressions @ expressions.T, expressions @ flat.T, rcond=1e-10)[0]
    return fit * model.expression_scale[:, None]
