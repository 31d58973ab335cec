"""evaluate pose: errors of generated and fitted poses on clips not trained on (FLAG, supplement)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from facekit.errors import UsageError, WrongKindError
from facekit.metrics.joints import mpjpe
from facekit.metrics.tables import Cell, Table
from facekit.motion.clips import groups
from facekit.motion.headset import Seen
from facekit.motion.takes import parts
from facekit.priors.pose_fit import begin, fit, observe, samples
from facekit.priors.pose_frames import common_skeleton, frames_of, thin
from facekit.priors.pose_prior import PosePrior
from facekit.priors.pose_space import body_of, tokens
from facekit.records import FloatArray, Motion

CM = 100.0
ITERATIONS = (0, 2, 5, 10, 25, 50)
Figures = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    frames: int = 300  # at most, evenly through the clips
    samples: int = 10  # K of the best-of-K errors
    runs: int = 5
    iterations: tuple[int, ...] = ITERATIONS


@dataclass(frozen=True)
class Test:
    """Poses of which the truth is known, and what a headset sees of them."""

    seen: Seen
    joints: FloatArray  # (T, J, 3) m, frame of the head
    head: FloatArray  # (T,) m


def part_of(motions: Sequence[Motion], part: str) -> list[Motion]:
    """The clips of a part (``motion.takes.parts``) or of "all". Raises UsageError where there are none."""
    if part == "all":
        return list(motions)
    chosen = [motion for motion, kind in zip(motions, parts(motions), strict=True) if kind == part]
    if not chosen:
        raise UsageError(f"no clips are for {part}; give more clips or --part all")
    return chosen


def make_test(prior: PosePrior, motions: Sequence[Motion], count: int) -> Test:
    """At most ``count`` frames of motions of the prior's skeleton. Raises WrongKindError for another."""
    skeleton = common_skeleton(motions)
    if not skeleton.same_as(prior.space.skeleton):
        raise WrongKindError("the clips move another skeleton than the prior; give such as it learned")
    frames = thin(frames_of(motions), count)
    body = body_of(skeleton, frames.rotations, frames.head)
    signal = tokens(body)[:, list(skeleton.devices)]
    whole = torch.cat([signal, torch.ones_like(signal[..., :1])], -1).numpy()
    still = np.tile(np.eye(3), (len(whole), 1, 1))
    seen = Seen(whole, still, np.zeros((len(whole), 3)), 1.0)
    return Test(seen, body.positions.numpy(), frames.head.numpy())


def evaluate_prior(
    prior: PosePrior, test: Test, plan: Plan, generator: torch.Generator, say: Callable[[str], None]
) -> Figures:
    """Errors in cm: "path" by start, iteration and part of the body; "best" of K samples by run and part."""
    observed = observe(test.seen)
    parts = {"upper": ~prior.space.skeleton.lower, "full": np.ones(prior.space.skeleton.size, bool)}

    def errors(z: torch.Tensor) -> Figures:
        x = prior.decode(z, observed.c)
        return {name: float(each.mean()) for name, each in _errors(prior, x, test, parts).items()}

    path: Figures = {}
    for start in ("region", "zero") if prior.kind == "flag" else ("zero",):
        say(f"{prior.kind}: fitting from {start}")
        found = fit(
            prior, observed, begin(prior, observed, start), max(plan.iterations), watch=plan.iterations
        )
        path[start] = {str(count): errors(found.path[count]) for count in plan.iterations}
    best: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(plan.runs):
        drawn = samples(prior, observed, plan.samples, generator)
        each = [_errors(prior, x, test, parts) for x in drawn]
        for name in parts:
            best[name].append(float(np.stack([one[name] for one in each]).min(0).mean()))
    return {"kind": prior.kind, "frames": len(test.joints), "path": path, "best": best}


def _errors(prior: PosePrior, x: torch.Tensor, test: Test, parts: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Errors (T,) cm of poses x (T, D) for each part of the body."""
    joints = prior.space.body(x, torch.as_tensor(test.head)).positions.detach().numpy()
    return {name: CM * mpjpe(joints, test.joints, which) for name, which in parts.items()}


def tables(results: Mapping[str, Figures], plan: Plan) -> list[Table]:
    """Generated and fitted poses, best of K (Table 2), errors over iterations (Fig. 1), by prior's name."""
    last = str(max(plan.iterations))
    rows: list[tuple[Cell, ...]] = []
    best: list[tuple[Cell, ...]] = []
    curve: list[tuple[Cell, ...]] = []
    for name, result in results.items():
        for start, path in result["path"].items():
            label = "z = mu_H" if start == "region" else "z = 0"
            first, final = path.get("0"), path[last]
            generated = (first["upper"], first["full"]) if first else (None, None)
            rows.append((name, label, *generated, final["upper"], final["full"]))
            curve.append((name, label, *(path[str(count)]["full"] for count in plan.iterations)))
        spread = [value for part in ("upper", "full") for value in _mean_and_spread(result["best"][part])]
        source = "N(mu_H, Sigma_H)" if result["kind"] == "flag" else "N(0, I)"
        best.append((name, source, *spread))
    columns = ("prior", "start", "upper, generated", "full, generated", "upper, fitted", "full, fitted")
    counts = tuple(str(count) for count in plan.iterations)
    return [
        Table("errors", f"MPJPE in cm, as generated and after {last} iterations", columns, tuple(rows)),
        Table(
            "best",
            f"MPJPE in cm, best of {plan.samples} samples, mean and deviation of {plan.runs} runs (Table 2)",
            ("prior", "samples", "upper", "±", "full", "±"),
            tuple(best),
        ),
        Table(
            "iterations",
            "Full-body MPJPE in cm after iterations of the fit (Fig. 1)",
            ("prior", "start", *counts),
            tuple(curve),
        ),
    ]


def themes_of(motions: Sequence[Motion]) -> str:
    """The subjects or kinds of motion, for the notes."""
    return ", ".join(sorted(set(groups(motions))))


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values))
