"""Pace, mirror image, facing and split of clips; the signal of a headset and what is wrong with one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from moves import PLAIN, SMPL_BODY, a_motion

from facekit.errors import UnreadableError, WrongKindError
from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_sixd
from facekit.motion.clips import (
    axes_of,
    check_motion,
    face_forward,
    groups,
    mirrored,
    resample,
    split,
    standing_size,
    theme,
)
from facekit.motion.headset import check_headset, heading, headset_of, in_head_frame
from facekit.motion.skeleton import forward_kinematics, make_skeleton, skeleton_of
from facekit.records import Headset, Motion
from facekit.synthetic.motion import make_motion


def places(motion: Motion) -> np.ndarray:
    rotations = axis_angle_to_matrix(motion.rotations.astype(np.float64))
    return forward_kinematics(skeleton_of(motion), rotations)[0] + motion.root[:, None]


def turned(motion: Motion, angle: float) -> Motion:
    """The world turned about y."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    R = axis_angle_to_matrix(motion.rotations[:, 0].astype(np.float64))
    from facekit.geometry.rotation import matrix_to_axis_angle

    rotations = motion.rotations.copy()
    rotations[:, 0] = matrix_to_axis_angle(turn @ R)
    return replace(motion, rotations=rotations, root=(motion.root @ turn.T).astype(np.float32))


def test_a_mirrored_motion_is_the_mirror_image_of_all_joints() -> None:
    motion = a_motion()
    flip = skeleton_of(motion).mirror
    np.testing.assert_allclose(places(mirrored(motion)), places(motion)[:, flip] * [-1, 1, 1], atol=1e-5)
    back = mirrored(mirrored(motion))
    np.testing.assert_allclose(back.rotations, motion.rotations, atol=1e-6)
    assert np.abs(places(mirrored(motion)) - places(motion)).max() > 0.05


def test_resampling_keeps_frames_that_are_there_and_halves_the_arc_between() -> None:
    motion = a_motion(frames=9)
    twice = resample(motion, 60.0)
    assert len(twice.root) == 17
    np.testing.assert_allclose(twice.rotations[::2], motion.rotations, atol=1e-5)
    np.testing.assert_allclose(resample(twice, 30.0).root, motion.root, atol=1e-6)
    half = axis_angle_to_matrix(twice.rotations[1].astype(float))
    first, then = (axis_angle_to_matrix(motion.rotations[k].astype(float)) for k in (0, 1))
    step = np.swapaxes(first, -1, -2) @ half
    np.testing.assert_allclose(first @ step @ step, then, atol=1e-5)
    assert len(resample(a_motion(frames=1), 10.0).root) == 1


def test_a_body_that_faces_another_way_is_turned_to_face_forward() -> None:
    motion = a_motion()
    turn = axis_angle_to_matrix(np.array([0, 0.5 * np.pi, 0]))
    away = replace(
        motion,
        offsets=(motion.offsets @ turn.T).astype(np.float32),
        rotations=(motion.rotations @ turn.T).astype(np.float32),
        root=(motion.root @ turn.T).astype(np.float32),
    )
    assert np.abs(axes_of(skeleton_of(away)) - np.eye(3)).max() > 0.9
    np.testing.assert_allclose(axes_of(skeleton_of(motion)), np.eye(3), atol=1e-6)
    again = face_forward(away)
    for name in ("offsets", "rotations", "root"):
        np.testing.assert_allclose(getattr(again, name), getattr(motion, name), atol=1e-5)


def test_sides_must_have_names() -> None:
    with pytest.raises(WrongKindError, match="left from right"):
        axes_of(make_skeleton(["root", "a", "b"], [-1, 0, 0], np.eye(3)))


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ("sie_humanoid3d_run_left04", "run"),
        ("humanoid3d_long_walk1_mirror", "walk"),
        ("humanoid3d_dance_b", "dance"),
        ("07_01", "07_01"),
    ],
)
def test_themes(clip: str, expected: str) -> None:
    assert theme(clip) == expected


def test_takes_and_mirror_images_stay_together() -> None:
    names = [f"{what}{take}" for what in "abcdefghij" for take in ("move_1", "move_2", "move_1_mirror")]
    motions = [a_motion(clip=name) for name in names]
    parts = split(motions)
    assert all(len({parts[3 * k + i] for i in range(3)}) == 1 for k in range(10))
    assert [parts.count(kind) for kind in ("train", "validation", "test")] == [21, 3, 6]
    assert split(motions[::-1]) == parts[::-1]
    assert groups([a_motion(clip="zombie_walk"), a_motion(clip="zombie")]) == ["zombie", "zombie"]


def test_subjects_stay_together_where_they_are_known() -> None:
    motions = [a_motion(clip=f"{k}", subject=f"person{k % 10}") for k in range(40)]
    parts = split(motions)
    assert all(len({parts[k] for k in range(person, 40, 10)}) == 1 for person in range(10))
    assert set(parts) == {"train", "validation", "test"}


def test_what_is_most_of_the_data_is_trained_on() -> None:
    motions = [a_motion(clip=f"{name}{name}", frames=300 if name == "c" else 8) for name in "abcdefghij"]
    assert split(motions)[2] == "train"


def test_heading_is_the_turn_about_the_vertical() -> None:
    turn, nod = (axis_angle_to_matrix(np.array(v)) for v in ([0, 0.8, 0], [0.6, 0, 0]))
    np.testing.assert_allclose(heading(turn @ nod), turn, atol=1e-12)
    looks_up = axis_angle_to_matrix(np.array([-np.pi / 2, 0, 0]))
    np.testing.assert_allclose(heading(turn @ looks_up), turn, atol=1e-12)


def test_the_signal_does_not_see_where_in_the_world_the_wearer_is() -> None:
    motion = a_motion()
    moved = turned(replace(motion, root=motion.root + np.array([3.0, 0, -2.0], np.float32)), 1.9)
    one, other = (in_head_frame(headset_of(m)) for m in (motion, moved))
    np.testing.assert_allclose(one.signal, other.signal, atol=2e-5)
    higher = in_head_frame(headset_of(replace(motion, root=motion.root + np.array([0, 0.1, 0], np.float32))))
    np.testing.assert_allclose(higher.signal[:, 0, 7] - one.signal[:, 0, 7], 0.1, atol=1e-5)
    np.testing.assert_allclose(one.signal[:, 0, [6, 8]], 0, atol=1e-6)


def test_the_frame_leads_back_to_the_world() -> None:
    motion = a_motion()
    headset = headset_of(motion, scale=1.2)
    seen = in_head_frame(headset)
    local = seen.scale * seen.signal[:, :, 6:9, None]
    back = (seen.heading[:, None] @ local)[..., 0] + seen.origin[:, None]
    np.testing.assert_allclose(back, headset.positions, atol=1e-5)
    devices = list(skeleton_of(motion).devices)
    np.testing.assert_allclose(headset.positions, 1.2 * places(motion)[:, devices], atol=1e-5)
    columns = matrix_to_sixd(np.swapaxes(seen.heading, -1, -2)[:, None] @ headset.rotations)
    np.testing.assert_allclose(seen.signal[..., :6], columns, atol=1e-5)


def test_size_changes_nothing_but_the_lengths() -> None:
    one, large = (in_head_frame(headset_of(a_motion(), scale)) for scale in (1.0, 1.3))
    np.testing.assert_allclose(one.signal, large.signal, atol=1e-5)


def test_a_missing_hand_is_not_seen() -> None:
    headset = headset_of(a_motion())
    positions = headset.positions.copy()
    positions[2, 1, 0] = np.nan
    signal = in_head_frame(replace(headset, positions=positions)).signal
    assert np.isfinite(signal).all()
    assert (signal[2, 1] == 0).all()
    expected = in_head_frame(headset).signal
    keep = np.ones((8, 3), bool)
    keep[2, 1] = False
    np.testing.assert_array_equal(signal[keep], expected[keep])


def spoilt(**changes: np.ndarray) -> Headset:
    return replace(headset_of(a_motion()), **changes)


def test_wrong_signals_are_refused_with_the_reason() -> None:
    good = headset_of(a_motion())
    check_headset(good)
    nan = good.positions.copy()
    nan[3, 0] = np.nan
    sheared = good.rotations.copy()
    sheared[4, 2] *= 1.1
    flipped = good.rotations * np.array([1, 1, -1], np.float32)
    cases = [
        ("head is missing in frame 3", spoilt(positions=nan)),
        ("millimetres", spoilt(positions=1000 * good.positions)),
        ("right hand in frame 4", spoilt(rotations=sheared)),
        ("head in frame 0", spoilt(rotations=flipped)),
        ("head, left hand, right hand", spoilt(positions=good.positions[:, :2])),
        ("no frames", spoilt(positions=good.positions[:0], rotations=good.rotations[:0])),
        ("scale is 0", replace(good, scale=0.0)),
        ("fps is 0", replace(good, fps=0.0)),
        ("fps is nan", replace(good, fps=float("nan"))),
    ]
    for says, headset in cases:
        with pytest.raises(UnreadableError, match=says):
            check_headset(headset)


def test_what_is_wrong_with_a_motion_is_said() -> None:
    good = a_motion(SMPL_BODY)
    assert check_motion(good) is None
    assert "millimetres" in str(check_motion(replace(good, offsets=1000 * good.offsets)))
    assert "22 joints" in str(check_motion(replace(good, rotations=good.rotations[:, :20])))
    assert "no frames" in str(check_motion(replace(good, rotations=good.rotations[:0], root=good.root[:0])))
    assert "NaN" in str(check_motion(replace(good, root=good.root * np.float32(np.nan))))
    assert "frame rate" in str(check_motion(replace(good, fps=0.0)))
    assert PLAIN.size == 15


@pytest.mark.parametrize("kind", ["walk", "squat", "look"])
def test_the_size_of_who_was_captured(kind: str) -> None:
    motion = make_motion(kind, 3.0, torch.Generator().manual_seed(0), "a")
    assert standing_size(motion) == pytest.approx(1.0, abs=1e-3)
    taller = replace(motion, root=1.12 * motion.root)
    assert standing_size(taller) == pytest.approx(1.12, abs=2e-3)
    jumps = taller.root.copy()
    jumps[30:50, 1] += 0.3
    assert standing_size(replace(taller, root=jumps)) == pytest.approx(1.12, abs=0.02)
    upstairs = replace(motion, root=motion.root + np.array([0, 3, 0], np.float32))
    assert standing_size(upstairs) == 1.0
    lying = motion.rotations.copy()
    lying[:, 0] = [np.pi / 2, 0, 0]
    assert standing_size(replace(motion, rotations=lying)) == 1.0
