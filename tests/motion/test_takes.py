"""Takes: copies are found by what is in them, and stay on one side of the split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from moves import PLAIN, a_motion

from facekit.motion.clips import mirrored, resample, split
from facekit.motion.takes import parts, takes
from facekit.records import Motion


def named(motion: Motion, clip: str) -> Motion:
    return replace(motion, clip=clip)


def cut(motion: Motion, start: int, stop: int) -> Motion:
    return replace(motion, rotations=motion.rotations[start:stop], root=motion.root[start:stop])


def test_copies_are_found_mirrored_cut_moved_or_at_another_pace() -> None:
    one, other = (a_motion(PLAIN, 60, seed) for seed in (0, 1))
    flipped = mirrored(one)
    moved = replace(one, root=one.root + np.array([2, 0, 1], np.float32))
    clips = [one, other, flipped, cut(one, 20, 41), moved, resample(one, 60.0), cut(mirrored(other), 7, 50)]
    assert takes(clips) == [0, 1, 0, 0, 0, 0, 1]


def test_a_take_much_like_another_is_none_of_its_copies() -> None:
    one = a_motion(PLAIN, 60)
    like = replace(one, rotations=one.rotations * np.float32(1.15))
    assert takes([one, like]) == [0, 1]


def test_copies_stay_together_and_a_fifth_of_the_takes_is_kept() -> None:
    runs = [a_motion(PLAIN, 20, seed, clip=f"run{seed:02d}") for seed in range(10)]
    flips = [named(mirrored(motion), f"run{seed + 20}") for seed, motion in enumerate(runs)]
    rest = [a_motion(PLAIN, 8, 30 + k, clip=f"{name}{name}") for k, name in enumerate("abcdefghij")]
    found = parts([*runs, *flips, *rest])
    assert found[:10] == found[10:20]
    assert found[:10].count("takes") == 2
    assert found[20:] == split([*runs, *flips, *rest])[20:]  # kinds of one take are kept or not as a whole
    assert "takes" not in found[20:]


def test_people_are_kept_apart_instead_where_they_are_known() -> None:
    people = [a_motion(PLAIN, 8, k, clip=f"{k}", subject=f"person{k % 5}") for k in range(20)]
    assert parts(people) == split(people)
