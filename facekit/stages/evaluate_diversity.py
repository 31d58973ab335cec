"""evaluate diversity: what is measured on one occluded photo of a known face (Diverse3DFace, Sec. 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from facekit import metrics
from facekit.completion.names import DEFAULT_METHOD, METHODS
from facekit.errors import NoFaceError, NumericalError, UsageError
from facekit.metrics.tables import (
    FITS,
    GLOBAL,
    GLOBAL_LOCAL,
    K_VALUES,
    MEAN,
    N_SIGMA_VALUES,
    TRUE,
    key,
    under,
)
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray, Camera, Ensemble, Fit, FloatArray

NAMED = "named"
STARTS = (NAMED, GLOBAL)
REGIONS = ("face", "head")
WITHIN = 1 - 1e-6  # quality of a sample inside the radius
FEWEST = 20  # vertices

Figures = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A photo of which a part is hidden."""

    name: str
    kind: str  # what hides it: a name of synthetic.occluders.KINDS, or any other word
    photo: ByteArray  # (H, W, 3)
    hidden: BoolArray  # (H, W)
    truth: FloatArray | None  # (V, 3) m, head frame; None where it is not known
    camera: Camera | None = None  # the true one


@dataclass(frozen=True)
class Plan:
    """What is run on each case, and how it is measured."""

    methods: tuple[str, ...]  # of completion.names.METHODS
    n: int = 8  # completions
    region: str = "face"  # the skin of the face, or all vertices of the head
    start: str = NAMED  # the fit that each method starts from: the one it names, or the global one

    def __post_init__(self) -> None:
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown:
            raise UsageError(f"there is no method {unknown[0]}; choose from {', '.join(METHODS)}")
        if self.n < 2:
            raise UsageError("self distances need at least two completions; give -n 2 or more")

    def fit_of(self, method: str) -> str:
        """Which of FITS a method starts from."""
        return GLOBAL_LOCAL if METHODS[method].local and self.start == NAMED else GLOBAL

    @property
    def studied(self) -> str:
        """The method of Table 4: the default one where it is among those that run."""
        spreading = [name for name in self.methods if METHODS[name].spread]
        return DEFAULT_METHOD if DEFAULT_METHOD in spreading or not spreading else spreading[-1]


class Tools(Protocol):
    """The stages that an evaluation runs."""

    def fit(self, which: str) -> Fit:
        """The fit of one of FITS to the case."""

    def diversify(self, fit: Fit, method: str, n: int, k: float | None, n_sigma: float | None) -> Ensemble:
        """Completions; k and n_sigma as the method has them by default where None."""


@dataclass(frozen=True)
class Bench:
    """One case, the tools and the global face model: all that a figure needs."""

    case: Case
    tools: Tools
    model: FaceModel
    plan: Plan


def evaluate_case(
    bench: Bench, grid: bool, known: dict[str, Any], save: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """The figures of one case: ``known`` ones and those that are missing; ``save`` is called after each step.

    Keys: name, kind, failed (why nothing could be fitted, or None), fits, sets, grid. Distances in mm.
    """
    case = bench.case
    empty: dict[str, Any] = {"fits": {}, "sets": {}, "grid": {}}
    result = {"name": case.name, "kind": case.kind, "failed": None} | empty | known
    try:
        for part, name, figures in _steps(bench, grid, result) if not result["failed"] else ():
            result[part][name] = figures
            save(result)
    except (NoFaceError, NumericalError) as error:
        result["failed"] = str(error)
        save(result)
    return result


def _steps(bench: Bench, grid: bool, result: dict[str, Any]) -> Iterator[tuple[str, str, Figures]]:
    """What is missing of a result, one by one: part, name, figures."""
    plan, tools = bench.plan, bench.tools
    for which in (name for name in FITS if name not in result["fits"]):
        fit = tools.fit(which)
        far = float(metrics.mahalanobis(bench.model, fit.vertices))
        yield "fits", which, errors(bench, fit.vertices, fit.visible) | {"mahalanobis": far}
    if MEAN not in result["fits"]:
        yield "fits", MEAN, errors(bench, bench.model.mean, tools.fit(GLOBAL).visible)
    for method in (name for name in plan.methods if name not in result["sets"]):
        made = tools.diversify(tools.fit(plan.fit_of(method)), method, plan.n, None, None)
        yield "sets", method, measure_set(bench, made)
    if TRUE not in result["fits"] and bench.case.truth is not None:
        yield "fits", TRUE, soundness(bench.model, bench.case.truth[None])
    for cell, k, n_sigma in missing(result["grid"]) if grid else ():
        fit = tools.fit(plan.fit_of(plan.studied))
        yield "grid", cell, spread(bench, tools.diversify(fit, plan.studied, plan.n, k, n_sigma))


def missing(done: dict[str, Figures]) -> list[tuple[str, float, float]]:
    """The cells of Table 4 that are not yet there: key, k, n_sigma."""
    cells = [(key(k, s), k, s) for k in K_VALUES for s in N_SIGMA_VALUES]
    return [cell for cell in cells if cell[0] not in done]


def measured(model: FaceModel, region: str) -> BoolArray:
    """The vertices (V,) that count: the skin of the face, or all; all for a model that names no face."""
    face = model.topology.regions.get("face")
    if region == "head" or face is None:
        return np.ones(len(model.mean), bool)
    return np.asarray(face > 0.5) & model.topology.part("skin")


def errors(bench: Bench, shape: FloatArray, visible: BoolArray) -> Figures:
    """Table 1: mean shape error of a shape (V, 3) over all that counts, its visible and its hidden part,
    after each alignment on the visible part; nothing without truth.
    """
    truth = bench.case.truth
    if truth is None:
        return {}
    counts = measured(bench.model, bench.plan.region)
    seen = _seen(counts & visible)
    parts = {"mse": counts, "mse_visible": seen, "mse_hidden": counts & ~visible}
    return {
        under(name, how): 1e3 * metrics.mean_shape_error(shape, truth, part, how, seen)
        for how in metrics.ALIGNMENTS
        for name, part in parts.items()
        if part.any()
    }


def measure_set(bench: Bench, made: Ensemble) -> Figures:
    """Table 2, the error of the first sample, and how plausible the samples are."""
    figures = spread(bench, made) | plausibility(made, bench.model)
    truth = bench.case.truth
    if truth is None:
        return figures
    counts = measured(bench.model, bench.plan.region)
    seen, unseen = _seen(counts & ~made.hidden), counts & made.hidden
    rows = [("cse", counts, made.vertices), ("first", counts, made.vertices[:1])]
    rows += [("cse_hidden", unseen, made.vertices)] if unseen.any() else []
    for how in metrics.ALIGNMENTS:
        for name, part, shapes in rows:
            error = metrics.closest_sample_error(shapes, truth, part, how, seen)
            figures[under(name, how)] = 1e3 * error
    return figures


def _seen(region: BoolArray) -> BoolArray:
    """The region (V,), or NumericalError where too little of it is there to lay a face on another by."""
    if np.count_nonzero(region) < FEWEST:
        raise NumericalError("hardly anything of the face is visible; there is nothing to align it by")
    return region


def spread(bench: Bench, made: Ensemble) -> Figures:
    """ASD-V and ASD-O, over what the fit takes for visible and for hidden."""
    counts = measured(bench.model, bench.plan.region)
    parts = {"asd_v": counts & ~made.hidden, "asd_o": counts & made.hidden}
    return {
        name: 1e3 * metrics.average_self_distance(made.vertices, part)
        for name, part in parts.items()
        if part.any()
    }


def plausibility(made: Ensemble, model: FaceModel) -> Figures:
    """Share of the samples within the quality's radius, the least quality, and soundness."""
    within = {
        "within": float((made.quality >= WITHIN).mean()),
        "quality_least": float(made.quality.min()),
    }
    return within | soundness(model, made.vertices)


def soundness(model: FaceModel, shapes: FloatArray) -> Figures:
    """Of shapes (N, V, 3): Mahalanobis distances, share whose lips or lids have passed each other, and number
    of triangles there that another one cuts.
    """
    distance = metrics.mahalanobis(model, shapes)
    lips = lip_triangles(model)
    figures = {
        "mahalanobis": float(distance.mean()),
        "mahalanobis_most": float(distance.max()),
        "cut_triangles": float(np.mean([len(metrics.crossing_triangles(shape, lips)) for shape in shapes])),
    }
    points = model.topology.embeddings.get("ibug68")
    if points is not None:
        figures["passed"] = float((metrics.crossing_pairs(points.points(shapes)) > 0).mean())
    return figures


def lip_triangles(model: FaceModel) -> np.ndarray:
    """The triangles (C, 3) of lips and lids."""
    regions = [model.topology.regions.get(name) for name in ("lips", "left_eye_region", "right_eye_region")]
    named = [region > 0.5 for region in regions if region is not None]
    keep = np.any(named, axis=0) if named else np.zeros(len(model.mean), bool)
    return np.asarray(
        model.topology.faces[(keep & model.topology.part("skin"))[model.topology.faces].all(axis=1)]
    )
