"""What is measured on one case, with completions that are known."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from facekit.errors import NoFaceError, UsageError
from facekit.files.models import load_model
from facekit.metrics.completion_names import CLASSICAL, VARIANTS
from facekit.metrics.perceptual import FILTERS
from facekit.records import ByteArray
from facekit.stages.evaluate_completion import (
    SIDE,
    Case,
    Completed,
    Variant,
    covered,
    evaluate_case,
    face_of,
    fill,
    measure,
    random_mask,
    ratio,
    seen_box,
    variant_of,
)

H, W = 60, 80


@pytest.fixture
def case() -> Case:
    """A ramp with a dark bar; the lower half of the face, rows 10 to 49 and columns 20 to 59, is hidden."""
    truth = np.repeat(np.linspace(60, 180, W)[None, :, None], H, 0).repeat(3, 2).astype(np.uint8)
    truth[36:40, 30:50] = 20
    face, hidden = np.zeros((H, W), bool), np.zeros((H, W), bool)
    face[10:50, 20:60] = True
    hidden[30:52, 20:60] = True
    return Case("a", "mouth", covered(truth, hidden), hidden, truth, face)


@dataclass
class Known:
    """Completions that are so many levels off, by the rounds of refinement."""

    case: Case
    off: dict[int, int] = field(default_factory=lambda: {1: 12, 2: 3})
    error: BaseException | None = None
    calls: list[Variant] = field(default_factory=list)

    def complete(self, variant: Variant) -> Completed:
        self.calls.append(variant)
        if self.error is not None:
            raise self.error
        step = np.uint8(self.off[variant.rounds]) * self.case.hidden[..., None].astype(np.uint8)
        return Completed(self.case.truth + step)


@dataclass
class Kept:
    """Keeps figures and pictures of one case."""

    known: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, ByteArray] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        return deepcopy(self.known)

    def keep(self, figures: dict[str, Any]) -> None:
        self.known = deepcopy(figures)

    def picture(self, method: str) -> ByteArray | None:
        return self.pictures.get(method)

    def keep_picture(self, method: str, picture: ByteArray) -> None:
        self.pictures[method] = picture


METHODS = {"Telea": None, "full": variant_of("full"), "no refinement": variant_of("no refinement")}


def run(case: Case, tools: Known, kept: Kept, *methods: str) -> tuple[Any, ByteArray]:
    some = {name: METHODS[name] for name in methods or METHODS}
    return evaluate_case(case, tools, load_model(), some, FILTERS, kept)


def test_figures_of_known_pictures(case: Case) -> None:
    result, sheet = run(case, Known(case), Kept())
    assert result["ratio"] == pytest.approx(20 / 40)
    figures = result["methods"]
    assert figures["full"]["psnr"] == pytest.approx(20 * np.log10(255 / 3), abs=0.01)
    assert figures["no refinement"]["psnr"] == pytest.approx(20 * np.log10(255 / 12), abs=0.01)
    seen = 20 * 40 / (22 * 40)  # visible pixels of the face over those of the mask
    assert figures["full"]["psnr face"] - figures["full"]["psnr"] == pytest.approx(10 * np.log10(1 + seen))
    assert figures["full"]["look"] < figures["no refinement"]["look"] < figures["Telea"]["look"]
    assert figures["Telea"]["psnr"] < figures["no refinement"]["psnr"]
    assert list(figures) == list(METHODS)
    assert sheet.shape == (SIDE, 5 * SIDE, 3)
    given, _, full, rough, truth = (sheet[:, i * SIDE : (i + 1) * SIDE].astype(int) for i in range(5))
    assert given.min() == covered(case.photo, case.hidden).min()
    assert abs(full - truth).max() == pytest.approx(3, abs=1)
    assert abs(rough - truth).max() == pytest.approx(12, abs=1)


def test_what_is_kept_is_not_done_again_and_stays_in_the_sheet(case: Case) -> None:
    whole, sheet = run(case, Known(case), Kept())
    kept, tools = Kept(), Known(case)
    run(case, tools, kept, "full")
    assert len(tools.calls) == 1
    again, resumed = run(case, tools, kept)
    assert again == whole
    assert len(tools.calls) == 2  # the other variant alone
    assert np.array_equal(resumed, sheet)
    del kept.pictures["full"]  # without its picture it is done again
    assert np.array_equal(run(case, tools, kept)[1], sheet)
    assert len(tools.calls) == 3


def test_each_method_is_kept_before_the_next(case: Case) -> None:
    kept = Kept()
    with pytest.raises(KeyboardInterrupt):
        run(case, Known(case, error=KeyboardInterrupt()), kept)
    assert list(kept.known["methods"]) == list(kept.pictures) == ["Telea"]


def test_a_case_that_fails_says_why(case: Case) -> None:
    kept = Kept()
    result, sheet = run(case, Known(case, error=NoFaceError("no face")), kept)
    assert result["failed"] == "no face"
    assert list(kept.pictures) == ["Telea"]
    again, same = run(case, Known(case), kept)  # is not tried again
    assert again == result
    assert np.array_equal(same, sheet)
    assert sheet.shape == (SIDE, 3 * SIDE, 3)


def test_the_hidden_shape_is_measured_where_it_is_known(case: Case) -> None:
    model = load_model()
    visible = model.mean[:, 1] > np.median(model.mean[:, 1])
    lifted = model.mean + (~visible)[:, None] * np.array([0, 0, 0.002])
    known = replace(case, shape=model.mean)
    done = Completed(case.truth, lifted, visible)
    assert measure(known, done, model, FILTERS)["mm hidden"] == pytest.approx(2.0)
    assert "mm hidden" not in measure(case, done, model, FILTERS)
    right = Completed(case.truth, model.mean, visible)
    assert measure(known, right, model, FILTERS)["mm hidden"] == pytest.approx(0, abs=1e-6)


def test_variants_leave_out_what_they_are_named_after() -> None:
    parts = {name: variant_of(name, 3) for name in VARIANTS}
    assert {name: v.rounds for name, v in parts.items()} == {
        "full": 3, "no refinement": 1, "no symmetry": 1, "no light separation": 1, "neither": 1,
    }  # fmt: skip
    assert [v.options.separate_light for v in parts.values()] == [True, True, True, False, False]
    assert [v.options.symmetric for v in parts.values()] == [True, True, False, True, False]


@pytest.mark.parametrize("method", CLASSICAL)
def test_classical_fillings_continue_what_is_around(case: Case, method: str) -> None:
    plain = np.full_like(case.truth, 90)
    flat = replace(case, truth=plain, photo=covered(plain, case.hidden))
    filled = fill(method, flat)
    assert np.abs(filled.astype(int) - 90).max() <= 4
    filled = fill(method, case)
    assert (filled[~case.hidden] == case.photo[~case.hidden]).all()
    gap = np.abs(filled.astype(int) - case.truth)[case.hidden]
    assert gap.mean() < 40
    assert gap[case.truth[case.hidden] == 20].mean() > 50  # none of them can know of the bar


def test_an_unknown_filling_is_refused(case: Case) -> None:
    with pytest.raises(UsageError, match="Telea"):
        fill("magic", case)


def test_random_masks_are_rectangles_on_the_face() -> None:
    points = np.array([[100.0, 40], [300, 40], [200, 340]])
    shares = []
    for seed in range(30):
        hidden = random_mask(points, (400, 400), np.random.default_rng(seed))
        rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
        assert hidden.sum() == len(rows) * len(columns)
        assert rows[0] >= 40
        assert rows[-1] <= 340
        assert columns[0] >= 100
        assert columns[-1] <= 300
        shares.append(hidden.sum() / (200 * 300))
    assert min(shares) < 0.12
    assert max(shares) > 0.35


def test_the_face_is_the_hull_of_its_landmarks(case: Case) -> None:
    face = face_of(np.array([[20.0, 10], [60, 10], [60, 50], [20, 50], [40, 30]]), (H, W))
    assert face[30, 40]
    assert not face[5, 40]
    assert face.sum() == pytest.approx(40 * 40, rel=0.06)
    x0, y0, x1, y1 = seen_box(case)
    assert x0 <= 20 < 60 <= x1
    assert y0 <= 10 < 50 <= y1
    assert ratio(replace(case, hidden=np.zeros((H, W), bool))) == 0
