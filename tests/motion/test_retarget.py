"""Motions carried to SMPL's joints and AMASS's axes, and back."""

from __future__ import annotations

import numpy as np
import pytest
from moves import PLAIN, SMPL_BODY, a_motion

from facekit.geometry.rotation import axis_angle_to_matrix
from facekit.motion.bodies import PELVIS
from facekit.motion.retarget import from_amass, to_amass
from facekit.motion.skeleton import forward_kinematics, skeleton_of
from facekit.records import Motion


def there_and_back(motion: Motion) -> Motion:
    arrays = to_amass(motion)
    return from_amass(arrays["poses"], arrays["trans"], float(arrays["mocap_framerate"]), "a", "b")


def test_smpl_bodies_come_back_unchanged() -> None:
    motion = a_motion(SMPL_BODY)
    back = there_and_back(motion)
    np.testing.assert_allclose(back.root, motion.root, atol=1e-6)
    R, expected = (axis_angle_to_matrix(m.rotations.astype(float)) for m in (back, motion))
    np.testing.assert_allclose(R, expected, atol=1e-5)


def test_the_layout_is_that_of_amass() -> None:
    arrays = to_amass(a_motion(SMPL_BODY, frames=4))
    assert arrays["poses"].shape == (4, 156)
    assert (arrays["poses"][:, 66:] == 0).all()
    assert arrays["trans"].shape == (4, 3)
    standing = a_motion(SMPL_BODY, frames=2, spread=0.0)
    np.testing.assert_allclose(to_amass(standing)["trans"][:, 2] + PELVIS[2], standing.root[:, 1], atol=1e-5)
    z_up = axis_angle_to_matrix(to_amass(standing)["poses"][0, :3].astype(float))
    np.testing.assert_allclose(z_up @ [0, 1, 0], [0, 0, 1], atol=1e-6)  # the body's up is the world's z


def limb(motion: Motion, end: str, start: str) -> np.ndarray:
    skeleton = skeleton_of(motion)
    places = forward_kinematics(skeleton, axis_angle_to_matrix(motion.rotations.astype(float)))[0]
    bone = places[:, skeleton.names.index(end)] - places[:, skeleton.names.index(start)]
    return bone / np.linalg.norm(bone, axis=-1, keepdims=True)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("end", "start"), [("elbow", "shoulder"), ("wrist", "elbow"), ("knee", "hip"), ("ankle", "knee")]
)
def test_limbs_point_where_they_pointed(side: str, end: str, start: str) -> None:
    motion = a_motion(PLAIN)
    carried = there_and_back(motion)
    assert tuple(carried.joint_names) == SMPL_BODY.names
    bones = [limb(m, f"{side}_{end}", f"{side}_{start}") for m in (motion, carried)]
    np.testing.assert_allclose(bones[0], bones[1], atol=1e-5)


def test_the_trunk_turns_as_it_turned() -> None:
    motion = a_motion(PLAIN)
    carried = there_and_back(motion)
    turned = [
        forward_kinematics(skeleton_of(m), axis_angle_to_matrix(m.rotations.astype(float)))[1]
        for m in (motion, carried)
    ]
    for plain, smpl in (("root", "pelvis"), ("chest", "spine3"), ("neck", "head")):
        one = turned[0][:, PLAIN.names.index(plain)]
        np.testing.assert_allclose(turned[1][:, SMPL_BODY.names.index(smpl)], one, atol=1e-5)
