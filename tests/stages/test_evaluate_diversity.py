"""What is measured on one case, with stages whose results are known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from facekit.completion.names import DEFAULT_METHOD
from facekit.errors import NoFaceError, NumericalError, UsageError
from facekit.files.models import load_model
from facekit.geometry.camera import frame_camera
from facekit.morphable.model import FaceModel
from facekit.records import Ensemble, Fit
from facekit.stages.evaluate_diversity import Bench, Case, Plan, errors, evaluate_case, measured, missing
from facekit.stages.evaluate_meshes import fit_mesh

SIZE = (120, 100)
MASK = np.arange(100)[:, None] > np.full(120, 55)  # the lower part of the picture


@dataclass
class Known:
    """Fits to the truth and samples a millimetre apart where hidden, counted."""

    model: FaceModel
    calls: list[str] = field(default_factory=list)
    error: Exception | None = None

    def fit(self, which: str) -> Fit:
        self.calls.append(which)
        if self.error is not None:
            raise self.error
        camera = frame_camera(self.model.mean, 0.0, 0.0, SIZE)
        return fit_mesh(self.model.mean, camera, MASK, self.model)

    def diversify(self, fit: Fit, method: str, n: int, k: float | None, n_sigma: float | None) -> Ensemble:
        self.calls.append(f"{method} {k} {n_sigma}")
        step = 0.001 * (~fit.visible)[:, None] * np.array([1.0, 0, 0])
        shapes = np.stack([fit.vertices + i * step for i in range(n)])
        points = self.model.topology.embeddings["ibug68"].points(shapes)
        return Ensemble(
            model=fit.model, model_sha256=fit.model_sha256, method=method, codes=np.zeros((n, 2)),
            vertices=shapes, faces=fit.faces, landmarks68=points, hidden=~fit.visible,
            quality=np.ones(n), stats="{}",
        )  # fmt: skip


@pytest.fixture
def bench() -> Bench:
    model = load_model()
    case = Case("a", "mask", np.zeros((100, 120, 3), np.uint8), MASK, model.mean)
    return Bench(case, Known(model), model, Plan(("flame+dpp",), n=3))


def run(bench: Bench, known: dict[str, Any] | None = None, grid: bool = False) -> dict[str, Any]:
    return evaluate_case(bench, grid, known or {}, lambda result: None)


def test_figures_of_known_shapes(bench: Bench) -> None:
    result = run(bench)
    assert result["fits"]["global"]["mse none"] == pytest.approx(0, abs=1e-3)
    assert result["fits"]["mean face"]["mse none"] == pytest.approx(0, abs=1e-3)
    figures = result["sets"]["flame+dpp"]
    assert figures["asd_o"] == pytest.approx(1.0, abs=1e-3)
    assert figures["asd_v"] == pytest.approx(0.0, abs=1e-3)
    assert figures["cse none"] == pytest.approx(0.0, abs=1e-3)
    assert figures["within"] == 1.0
    assert set(result["fits"]) == {"global", "global+local", "Eq. 4-6", "mean face", "true face"}


def test_a_fit_that_is_off_is_told(bench: Bench) -> None:
    seen = bench.tools.fit("global").visible
    lifted = bench.model.mean + (~seen)[:, None] * np.array([0, 0, 0.002])
    figures = errors(bench, lifted, seen)
    assert figures["mse_hidden none"] == pytest.approx(2.0)
    assert figures["mse_visible none"] == pytest.approx(0.0)
    assert 0.2 < figures["mse none"] < 1.8
    shifted = errors(bench, bench.model.mean + 0.003, seen)
    assert shifted["mse none"] == pytest.approx(3 * np.sqrt(3))
    assert shifted["mse rigid"] == pytest.approx(0, abs=1e-9)
    larger = errors(bench, 1.1 * bench.model.mean, seen)
    assert larger["mse similarity"] == pytest.approx(0, abs=1e-9)
    assert larger["mse rigid"] > 1


def test_what_is_known_is_not_done_again(bench: Bench) -> None:
    first = run(bench)
    tools = Known(bench.model)
    assert run(replace(bench, tools=tools), first) == first
    assert tools.calls == []
    run(
        replace(bench, tools=tools, plan=replace(bench.plan, methods=("flame+dpp", "global+local+dpp"))),
        first,
    )
    assert tools.calls == ["global+local", "global+local+dpp None None"]


def test_table_4_has_25_cells(bench: Bench) -> None:
    result = run(bench, grid=True)
    assert len(result["grid"]) == 25
    assert missing(result["grid"]) == []
    assert "flame+dpp 0.5 3.0" in bench.tools.calls  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [NoFaceError("no face"), NumericalError("not finite")])
def test_a_case_that_fails_says_why(bench: Bench, error: Exception) -> None:
    result = run(replace(bench, tools=Known(bench.model, error=error)))
    assert result["failed"] == str(error)
    assert result["fits"] == {}
    assert run(bench, result) == result  # and is not tried again


def test_a_face_of_which_nothing_is_seen_is_told(bench: Bench) -> None:
    with pytest.raises(NumericalError, match="hardly anything"):
        errors(bench, bench.model.mean, np.zeros(len(bench.model.mean), bool))


def test_without_truth_there_are_no_errors(bench: Bench) -> None:
    result = run(replace(bench, case=replace(bench.case, truth=None)))
    assert set(result["fits"]["global"]) == {"mahalanobis"}
    assert "true face" not in result["fits"]
    assert "cse none" not in result["sets"]["flame+dpp"]
    assert result["sets"]["flame+dpp"]["asd_o"] > 0


def test_methods_start_from_the_fit_they_name() -> None:
    plan = Plan(("flame+dpp", "global+local+dpp"))
    assert [plan.fit_of(name) for name in plan.methods] == ["global", "global+local"]
    assert replace(plan, start="global").fit_of("global+local+dpp") == "global"
    assert Plan((DEFAULT_METHOD, "flame+dpp")).studied == DEFAULT_METHOD
    assert Plan(("flame+dpp", "flame+vae+dpp")).studied == "flame+vae+dpp"


def test_requests_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="no method"):
        Plan(("global+dpp+vae",))
    with pytest.raises(UsageError, match="two completions"):
        Plan(("flame+dpp",), n=1)


def test_the_face_has_no_eyeballs_and_no_teeth() -> None:
    model = load_model()
    face = measured(model, "face")
    assert 1500 < face.sum() < len(model.mean)
    assert (face <= model.topology.part("skin")).all()
    assert measured(model, "head").all()


def test_a_fit_to_a_mesh_is_exact_where_it_is_seen() -> None:
    model = load_model()
    rng = np.random.default_rng(0)
    shape = model.instance(model.clip(rng.normal(size=model.size)))
    camera = frame_camera(shape, 0.2, 0.0, SIZE)
    fit = fit_mesh(shape, camera, MASK, model)
    off = 1e3 * np.linalg.norm(fit.vertices - shape, axis=1)
    skin = model.topology.part("skin")
    assert off[fit.visible & skin].mean() < 0.3
    assert off[~fit.visible & skin].mean() > 2 * off[fit.visible & skin].mean()
    local = fit_mesh(shape, camera, MASK, model, by_region=True)
    nearer = 1e3 * np.linalg.norm(local.vertices - shape, axis=1)
    assert nearer[fit.visible & skin].mean() < off[fit.visible & skin].mean()
    assert local.covariance.shape == fit.covariance.shape
    with pytest.raises(NumericalError, match="nearly all"):
        fit_mesh(shape, camera, np.ones_like(MASK), model)
