"""What a person does before the cameras of a dome: expressions that move as faces move, blinks and gaze.

A segment is a few tracks that run beside each other (mouth, brows, lids, gaze), each going from pose to pose
by smooth steps; so mouth and brows meet in ever new mixtures. Weights are ARKit's, 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.records import BoolArray, FloatArray, IntArray
from facekit.synthetic.poses import BROWS, HELD_OUT, LIDS, MOUTH, TRAINING, Pose, Segment

EYE_TURN = np.deg2rad([40.0, 33.0])  # gaze across and up or down at weight 1 of the eyeLook shapes
LEAST_SHARE = 3  # frames of a segment


@dataclass(frozen=True)
class Performance:
    """N frames of one person. Frames of a segment follow each other in time."""

    segments: tuple[str, ...]
    segment: IntArray  # (N,) int32, index into segments
    held_out: BoolArray  # (N,) bool
    weights: FloatArray  # (N, E) float32, ARKit
    head: FloatArray  # (N, 3, 4) float64, head frame to world, m
    headset: FloatArray  # (N, 3, 4) float64, head frame to headset, m
    flush: FloatArray  # (N,) float32, blood in the skin about its mean: nothing else tells of it


def perform(names: tuple[str, ...], training: int, held_out: int, rng: np.random.Generator) -> Performance:
    """``training`` and ``held_out`` frames shared out over the segments of poses.py, for shapes ``names``."""
    plan = [(s, n) for s, n in zip(TRAINING, _shares(TRAINING, training), strict=True)]
    plan += [(s, n) for s, n in zip(HELD_OUT, _shares(HELD_OUT, held_out), strict=True)]
    plan = [(s, n) for s, n in plan if n]
    habit = np.exp(0.10 * rng.standard_normal(len(names)))  # a person's own way: some shapes more, some less
    weights, head, headset, flush = [], [], [], []
    for segment, count in plan:
        weights.append(np.clip(_weights(segment, count, names, rng) * habit, 0, 1))
        head.append(_sway(count, 3.0, 0.005, rng))
        headset.append(_sway(count, 1.5, 0.0015, rng))
        flush.append(_wander(count, 1, rng)[:, 0])
    held = {s.name for s in HELD_OUT}
    order = np.repeat(np.arange(len(plan)), [n for _, n in plan])
    return Performance(
        tuple(s.name for s, _ in plan),
        order.astype(np.int32),
        np.array([plan[i][0].name in held for i in order]),
        np.concatenate(weights).astype(np.float32),
        np.concatenate(head),
        np.concatenate(headset),
        np.concatenate(flush).astype(np.float32),
    )


def _shares(segments: tuple[Segment, ...], total: int) -> list[int]:
    """Frames of each segment, by weight; the last ones get none where there are too few."""
    if total < LEAST_SHARE * len(segments):
        few = max(1, total // LEAST_SHARE) if total else 0
        counts = [0] * len(segments)
        for i in range(few):
            counts[round(i * (len(segments) - 1) / max(few - 1, 1))] = total // few
        counts[0] += total - sum(counts)
        return counts
    edges = np.r_[0, np.cumsum([s.share for s in segments])]
    return np.diff(np.rint(edges / edges[-1] * total).astype(int)).tolist()


def _weights(segment: Segment, count: int, names: tuple[str, ...], rng: np.random.Generator) -> FloatArray:
    """(count, E) weights of one segment."""
    place = {name: i for i, name in enumerate(names)}
    mouth = _track([MOUTH[name] for name in segment.mouth], count, segment.pace, place, rng)
    brows = _track([BROWS[name] for name in segment.brows], count, 7.0, place, rng)
    lids = _track([LIDS[name] for name in segment.lids], count, 6.0, place, rng)
    total = mouth + brows + lids + _gaze(segment.gaze, count, place, rng)
    blink = _blinks(count, rng)
    for side in ("eyeBlink_L", "eyeBlink_R"):
        if side in place:
            total[:, place[side]] = np.maximum(total[:, place[side]], blink)
    return np.clip(total, 0, 1)


def _track(
    poses: list[Pose], count: int, pace: float, place: dict[str, int], rng: np.random.Generator
) -> FloatArray:
    """(count, E): from pose to pose, each for about ``pace`` frames, by steps that start and end at rest."""
    times, keys = [-rng.uniform(0, pace)], [rng.integers(len(poses))]
    while times[-1] < count:
        times.append(times[-1] + pace * rng.uniform(0.6, 1.5))
        keys.append(rng.integers(len(poses)))
    values = np.stack([_pose(poses[k], place, rng) for k in keys])
    now = np.arange(count)
    before = np.searchsorted(times, now, side="right") - 1
    start, end = np.array(times)[before], np.array(times)[before + 1]
    step = np.clip((now - start) / (0.75 * (end - start)), 0, 1)[:, None]  # then it is held
    ease = step**3 * (10 - 15 * step + 6 * step**2)  # least jerk
    return values[before] * (1 - ease) + values[before + 1] * ease


def _pose(pose: Pose, place: dict[str, int], rng: np.random.Generator) -> FloatArray:
    """(E,) weights of a pose, a little different each time and left and right."""
    out = np.zeros(len(place))
    much = rng.uniform(0.65, 1.1)
    for name, amount in pose.items():
        for key in (name, f"{name}_L", f"{name}_R"):
            if key in place:
                out[place[key]] += max(0.0, amount * much * (1 + 0.15 * rng.standard_normal()))
    return out


def _gaze(spread: float, count: int, place: dict[str, int], rng: np.random.Generator) -> FloatArray:
    """(count, E): the eyes jump from place to place; ``spread`` degrees across, 0.6 of it up and down."""
    angles, i = np.zeros((count, 2)), 0
    while i < count:
        stay = int(rng.integers(2, 9))
        angles[i : i + stay] = np.deg2rad(np.clip(rng.normal(0, spread, 2), -32, 32)) * (1.0, 0.6)
        i += stay
    across, up = (angles / EYE_TURN).T
    out = np.zeros((count, len(place)))
    for name, amount in (
        ("eyeLookOut_L", across),
        ("eyeLookIn_R", across),
        ("eyeLookIn_L", -across),
        ("eyeLookOut_R", -across),
        ("eyeLookUp_L", up),
        ("eyeLookUp_R", up),
        ("eyeLookDown_L", -up),
        ("eyeLookDown_R", -up),
    ):
        if name in place:
            out[:, place[name]] = np.clip(amount, 0, 1)
    return out


def _blinks(count: int, rng: np.random.Generator) -> FloatArray:
    """(count,) closing of the lids: now and then, for two or three frames."""
    lid = np.zeros(count + 4)
    i = int(rng.integers(3, 30))
    while i < count:
        lid[i : i + 3] = np.maximum(
            lid[i : i + 3], rng.permutation([0.45, 1.0, 0.5]) if rng.random() < 0.5 else [0.6, 1.0, 0.3]
        )
        i += int(rng.integers(14, 40))
    return lid[:count]


def _wander(count: int, columns: int, rng: np.random.Generator) -> FloatArray:
    """(count, columns) of slow unit variance: an offset of the segment and waves about it."""
    time = np.arange(count)[:, None] / 60.0
    total = 0.7 * np.broadcast_to(rng.standard_normal(columns), (count, columns)).copy()
    for pace in (0.7, 1.9, 4.1):
        total += 0.45 * rng.standard_normal(columns) * np.sin(2 * np.pi * (pace * time + rng.random(columns)))
    return total


def _sway(count: int, degrees: float, metres: float, rng: np.random.Generator) -> FloatArray:
    """(count, 3, 4) small rigid motions."""
    moved = _wander(count, 6, rng)
    turn = axis_angle_to_matrix(np.deg2rad(degrees) * moved[:, :3])
    return np.concatenate([turn, metres * moved[:, 3:, None]], axis=2)
