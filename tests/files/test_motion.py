"""Motion files of three layouts, headset signals, BVH; and what is wrong with bad ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "motion"))

from moves import PLAIN, SMPL_BODY, a_motion

from facekit.errors import UnreadableError, WrongKindError
from facekit.files.bvh import bvh_text, write_bvh, zxy
from facekit.files.motion import holds_motion, read_headset, read_motions, write_amass
from facekit.files.npz import write_record
from facekit.geometry.rotation import axis_angle_to_matrix, matrix_to_sixd
from facekit.motion.clips import standing_size
from facekit.motion.headset import headset_of
from facekit.motion.retarget import to_amass
from facekit.motion.skeleton import forward_kinematics


def clips(**changes: Any) -> dict[str, Any]:
    """Two clips in one archive, 5 and 3 frames."""
    motion = a_motion(PLAIN)
    arrays = {
        "joint_names": motion.joint_names,
        "parents": motion.parents,
        "offsets": motion.offsets,
        "rotations": motion.rotations,
        "root_translation": motion.root,
        "clip_names": np.array(["one", "two"]),
        "clip_lengths": np.array([5, 3]),
        "clip_fps": np.array([60.0, 30.0]),
    }
    return {name: value for name, value in (arrays | changes).items() if value is not None}


@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate"])
def test_amass_files_of_both_spellings(tmp_path: Path, rate: str) -> None:
    motion = a_motion(SMPL_BODY)
    arrays = to_amass(motion)
    arrays[rate] = arrays.pop("mocap_framerate")
    np.savez(tmp_path / "walk_poses.npz", **arrays)
    (found,) = read_motions(tmp_path / "walk_poses.npz")
    assert (found.clip, found.fps, found.subject) == ("walk", 30.0, "")
    np.testing.assert_allclose(found.root, motion.root / standing_size(motion), atol=1e-6)


def test_values_that_only_a_pickle_could_read_are_not_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **to_amass(a_motion(SMPL_BODY)), notes=np.array({"by": "someone"}, object))
    assert len(read_motions(tmp_path / "a.npz")) == 1


def test_a_folder_of_subjects(tmp_path: Path) -> None:
    for name in ("CMU/01", "CMU/02"):
        (tmp_path / name).mkdir(parents=True)
        write_amass(tmp_path / name / "walk_poses.npz", a_motion(SMPL_BODY))
        np.savez(tmp_path / name / "shape.npz", betas=np.zeros(16), gender=np.array("male"))
    write_record(tmp_path / "own.motion.npz", a_motion(SMPL_BODY))
    write_record(tmp_path / "own.hmd.npz", headset_of(a_motion(SMPL_BODY)))
    assert [m.subject for m in read_motions(tmp_path)] == ["CMU/01", "CMU/02", ""]
    (tmp_path / "none").mkdir()
    with pytest.raises(UnreadableError, match="holds no motions"):
        read_motions(tmp_path / "none")


def test_an_archive_of_clips(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **clips())
    one, two = read_motions(tmp_path / "a.npz")
    assert [(m.clip, m.fps, len(m.root)) for m in (one, two)] == [("one", 60.0, 5), ("two", 30.0, 3)]
    np.testing.assert_allclose(two.rotations, a_motion(PLAIN).rotations[5:], atol=1e-6)


def test_an_archive_of_one_clip(tmp_path: Path) -> None:
    alone = clips(clip_names=None, clip_lengths=None, clip_fps=None, fps=np.array(25.0))
    np.savez(tmp_path / "a.npz", **alone)
    (found,) = read_motions(tmp_path / "a.npz")
    assert (found.clip, found.fps, len(found.root)) == ("a_0", 25.0, 8)


@pytest.mark.parametrize(
    ("arrays", "error", "says"),
    [
        (clips(rotations=a_motion(PLAIN).rotations[:, :14]), UnreadableError, "15 joints"),
        (clips(clip_lengths=np.array([5, 4])), UnreadableError, "do not agree"),
        (clips(offsets=1000 * PLAIN.offsets), UnreadableError, "millimetres"),
        (clips(parents=None), UnreadableError, "no array named parents"),
        (clips(rotations=np.array("none")), UnreadableError, "does not hold numbers"),
        ({"a": np.zeros(3)}, WrongKindError, "is no motion"),
        ({"poses": np.zeros((4, 63)), "trans": np.zeros((4, 3))}, UnreadableError, "66 or more"),
        ({"poses": np.zeros((4, 156)), "trans": np.zeros((3, 3))}, UnreadableError, "trans"),
        ({"poses": np.zeros((4, 156)), "trans": np.zeros((4, 3))}, UnreadableError, "no frame rate"),
    ],
)
def test_bad_motions(tmp_path: Path, arrays: dict[str, Any], error: type[Exception], says: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(error, match=says) as caught:
        read_motions(tmp_path / "bad.npz")
    assert "bad.npz" in str(caught.value)


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("I am a text.")
    with pytest.raises(WrongKindError, match="text file"):
        read_motions(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **clips())
    (tmp_path / "b.npz").write_bytes((tmp_path / "b.npz").read_bytes()[:600])
    with pytest.raises(UnreadableError, match="damaged"):
        read_motions(tmp_path / "b.npz")


@pytest.mark.parametrize("layout", ["record", "matrices", "sixd"])
def test_headset_signals(tmp_path: Path, layout: str) -> None:
    headset = headset_of(a_motion(), scale=1.1)
    path = tmp_path / "a.hmd.npz"
    if layout == "record":
        write_record(path, headset)
    else:
        R = headset.rotations if layout == "matrices" else matrix_to_sixd(headset.rotations)
        np.savez(path, rotations=R, positions=headset.positions, fps=30, scale=1.1)
    found = read_headset(path)
    assert (found.fps, found.scale) == (30.0, 1.1)
    np.testing.assert_allclose(found.rotations, headset.rotations, atol=1e-6)
    assert not holds_motion(path)
    write_amass(tmp_path / "m.npz", a_motion())
    assert holds_motion(tmp_path / "m.npz")


def test_bad_headset_signals(tmp_path: Path) -> None:
    good = headset_of(a_motion())
    R, p = good.rotations, good.positions
    cases: list[tuple[str, dict[str, Any]]] = [
        ("no array named fps", {"rotations": R, "positions": p}),
        ("millimetres", {"rotations": R, "positions": 1000 * p, "fps": 30}),
        ("length one", {"rotations": 2 * matrix_to_sixd(R), "positions": p, "fps": 30}),
        ("at right angles", {"rotations": 2 * R, "positions": p, "fps": 30}),
        ("head, left hand, right hand", {"rotations": R[:, :2], "positions": p[:, :2], "fps": 30}),
    ]
    for says, arrays in cases:
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises((UnreadableError, WrongKindError), match=says) as caught:
            read_headset(tmp_path / "a.npz")
        assert "a.npz" in str(caught.value)
    write_record(tmp_path / "m.npz", a_motion())
    with pytest.raises(WrongKindError, match="found a motion"):
        read_headset(tmp_path / "m.npz")


def parse_bvh(text: str) -> tuple[list[str], list[int], np.ndarray, np.ndarray]:
    """Names, parents, offsets and rows of a BVH file, read as its grammar says."""
    head, _, tail = text.partition("MOTION\n")
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    stack: list[int] = []
    pending = -1
    for words in (line.split() for line in head.splitlines()[1:]):
        if words[0] in ("ROOT", "JOINT"):
            names.append(words[1])
            parents.append(stack[-1] if stack else -1)
            pending = len(names) - 1
        elif words[0] == "End":
            pending = -2
        elif words[0] == "{":
            stack.append(pending)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET" and stack[-1] >= 0:
            offsets.append([float(w) for w in words[1:]])
    rows = np.array([[float(w) for w in line.split()] for line in tail.splitlines()[2:]])
    return names, parents, np.array(offsets), rows


def axis(index: int, degrees: np.ndarray) -> np.ndarray:
    vector = np.zeros((*degrees.shape, 3))
    vector[..., index] = np.radians(degrees)
    return axis_angle_to_matrix(vector)


@pytest.mark.parametrize("skeleton", [PLAIN, SMPL_BODY], ids=["plain", "smpl"])
def test_bvh_says_what_the_motion_says(tmp_path: Path, skeleton: Any) -> None:
    motion = a_motion(skeleton)
    write_bvh(tmp_path / "a.bvh", motion)
    names, parents, offsets, rows = parse_bvh((tmp_path / "a.bvh").read_text())
    assert sorted(names) == sorted(skeleton.names)
    order = [skeleton.names.index(name) for name in names]
    assert [-1 if p < 0 else order[p] for p in parents] == [skeleton.parents[j] for j in order]
    np.testing.assert_allclose(offsets[1:], 100 * skeleton.offsets[order][1:], atol=1e-3)
    np.testing.assert_allclose(rows[:, :3], 100 * motion.root, atol=1e-3)
    angles = rows[:, 3:].reshape(len(rows), -1, 3)
    R = axis(2, angles[..., 0]) @ axis(0, angles[..., 1]) @ axis(1, angles[..., 2])
    expected = axis_angle_to_matrix(motion.rotations.astype(float))
    np.testing.assert_allclose(R, expected[:, order], atol=1e-5)
    assert np.abs(forward_kinematics(skeleton, expected)[0]).max() > 0.1
    assert "Frame Time: 0.03333333" in bvh_text(motion)


def test_euler_angles_beyond_a_right_angle() -> None:
    R = axis(2, np.array(170.0)) @ axis(0, np.array(-60.0)) @ axis(1, np.array(100.0))
    np.testing.assert_allclose(np.degrees(zxy(R)), [170, -60, 100], atol=1e-9)


def test_real_motion_capture(shared: Path) -> None:
    path = shared / "data" / "motion" / "deepmimic.npz"
    if not path.is_file():
        pytest.skip("needs the motion capture of the test data")
    motions = read_motions(path)
    assert len(motions) == 71
    assert sum(len(m.root) for m in motions) == 38640
    heights = np.concatenate([headset_of(m).positions[:, 0, 1] for m in motions])
    assert 1.2 < np.median(heights) < 1.4
