"""Motions of invented people: enough to try every command on, no substitute for motion capture.

Each is a cycle of a few joint angles with amplitudes and pace of its own, slow wandering of all joints on
top, and the lower foot on the floor.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from facekit.motion.bodies import SMPL_BODY
from facekit.motion.skeleton import forward_kinematics, motion_on
from facekit.records import FloatArray, Motion

FPS = 30.0
SOLE = 0.03  # m, height of a foot joint above the floor
WANDER = 0.04  # rad
X, Y, Z = np.eye(3)

# A joint's turns in their order, each an axis and angles (T,) in rad.
Turns = dict[str, list[tuple[FloatArray, FloatArray]]]
# Time (T,) in s and a source of amplitudes (low, high) to turns.
Kind = Callable[[FloatArray, Callable[[float, float], float]], Turns]


def make_motion(kind: str, seconds: float, generator: torch.Generator, clip: str) -> Motion:
    """A motion of one of ``KINDS`` at 30 frames a second on the body of 22 joints."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    time = np.arange(max(2, round(seconds * FPS))) / FPS
    angles = _wander(time, generator)
    local = axis_angle_to_matrix(angles)
    for name, turns in KINDS[kind](time, between).items():
        joint, made = SMPL_BODY.names.index(name), np.eye(3)
        for axis, angle in turns:
            made = made @ axis_angle_to_matrix(np.broadcast_to(angle, time.shape)[:, None] * axis)
        local[:, joint] = made @ local[:, joint]
    speed = between(0.9, 1.5) if kind in ("walk", "curve") else 0.0
    bend = between(0.2, 0.6) * (1 if between(0, 1) < 0.5 else -1) if kind == "curve" else 0.0
    heading = between(-np.pi, np.pi) + bend * time
    local[:, 0] = axis_angle_to_matrix(heading[:, None] * Y) @ local[:, 0]
    step = speed / FPS * np.stack([np.sin(heading), 0 * time, np.cos(heading)], 1)
    root = np.cumsum(step, 0) - step[0]
    places, _ = forward_kinematics(SMPL_BODY, local)
    root[:, 1] = SOLE - places[..., 1].min(1)
    return motion_on(SMPL_BODY, matrix_to_axis_angle(local), root, FPS, clip)


def _wander(time: FloatArray, generator: torch.Generator) -> FloatArray:
    """(T, 22, 3) rad: slow waves in every joint."""
    size = (3, 1, SMPL_BODY.size, 3)
    weight = torch.randn(size, generator=generator).double().numpy() * WANDER
    phase = torch.rand(size, generator=generator).double().numpy() * 2 * np.pi
    waves = np.array([0.13, 0.31, 0.53]).reshape(3, 1, 1, 1) * 2 * np.pi * time[None, :, None, None]
    return (weight * np.sin(waves + phase)).sum(0)


def _arms(left: FloatArray | float, right: FloatArray | float, bend: float, lowered: float = 1.3) -> Turns:
    """Hanging arms that swing forward by ``left`` and ``right`` rad, elbows bent."""
    still = np.zeros(1)
    return {
        "left_shoulder": [(X, still - left), (Z, still - lowered)],
        "right_shoulder": [(X, still - right), (Z, still + lowered)],
        "left_elbow": [(Y, still - bend)],
        "right_elbow": [(Y, still + bend)],
    }


def _walk(time: FloatArray, between: Callable[[float, float], float]) -> Turns:
    phase = 2 * np.pi * (between(0.8, 1.1) * time + between(0, 1))
    stride, swing, lift = between(0.3, 0.5), between(0.2, 0.5), between(0.7, 1.0)
    turns = _arms(-swing * np.sin(phase), swing * np.sin(phase), between(0.2, 0.6))
    for name, at in (("left", phase), ("right", phase + np.pi)):
        turns[f"{name}_hip"] = [(X, -stride * np.sin(at) - 0.05)]
        turns[f"{name}_knee"] = [(X, 0.1 + lift * np.clip(np.sin(at + 0.9 * np.pi / 2), 0, None) ** 2)]
        turns[f"{name}_ankle"] = [(X, -0.15 * np.sin(at))]
    turns["spine2"] = [(Y, 0.1 * np.sin(phase))]
    return turns


def _squat(time: FloatArray, between: Callable[[float, float], float]) -> Turns:
    depth = between(0.6, 1.1) * 0.5 * (1 - np.cos(2 * np.pi * between(0.25, 0.5) * time))
    turns = _arms(between(0.3, 1.2) * depth, between(0.3, 1.2) * depth, 0.3)
    for side in ("left", "right"):
        turns |= {f"{side}_hip": [(X, -1.2 * depth)], f"{side}_knee": [(X, 2.0 * depth)]}
        turns[f"{side}_ankle"] = [(X, -0.8 * depth)]
    turns["spine1"] = [(X, 0.5 * depth)]
    return turns


def _reach(time: FloatArray, between: Callable[[float, float], float]) -> Turns:
    def goes(low: float, high: float) -> FloatArray:
        pace, at = between(0.2, 0.5), between(0, 2 * np.pi)
        return low + (high - low) * 0.5 * (1 + np.sin(2 * np.pi * pace * time + at))

    turns = _arms(goes(0.0, 2.2), goes(0.0, 2.2), between(0.1, 0.8), between(0.9, 1.3))
    turns["spine2"] = [(Y, goes(-0.4, 0.4)), (X, goes(0.0, 0.3))]
    return turns


def _wave(time: FloatArray, between: Callable[[float, float], float]) -> Turns:
    turns = _arms(0.1, 0.1, 0.3)
    side, sign = ("left", 1.0) if between(0, 1) < 0.5 else ("right", -1.0)
    beat = between(0.3, 0.6) * np.sin(2 * np.pi * between(0.8, 1.6) * time)
    turns[f"{side}_shoulder"] = [(Z, sign * (0.5 + 0 * time))]
    turns[f"{side}_elbow"] = [(Z, sign * (1.1 + beat))]
    return turns


def _look(time: FloatArray, between: Callable[[float, float], float]) -> Turns:
    turns = _arms(0.05, 0.05, between(0.1, 0.4))
    yaw = between(0.4, 0.9) * np.sin(2 * np.pi * between(0.2, 0.4) * time)
    pitch = between(0.1, 0.4) * np.sin(2 * np.pi * between(0.2, 0.6) * time)
    turns["neck"] = [(Y, 0.5 * yaw), (X, 0.5 * pitch)]
    turns["head"] = [(Y, 0.5 * yaw), (X, 0.5 * pitch)]
    return turns


KINDS: dict[str, Kind] = {
    "walk": _walk,
    "curve": _walk,
    "squat": _squat,
    "reach": _reach,
    "wave": _wave,
    "look": _look,
}
