"""The losses of the 3DMM module: laws that each obeys, and slopes against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from facekit.geometry.rotation import euler_to_matrix
from facekit.networks import losses
from facekit.networks.pose import Pose, decode


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _pose(seed: int) -> Pose:
    return decode(_random(4, 6, seed=seed) - 0.5)


SLOPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "shape": lambda x: losses.shape_loss(x.reshape(2, -1), _random(2, 48)),
    "scale": lambda x: losses.scale_loss(decode(x), _two()),
    "translation": lambda x: losses.translation_loss(decode(x), _two()),
    "rotation": lambda x: losses.rotation_loss(decode(x).rotation, _turns()),
    "texture": lambda x: losses.texture_loss(x, _random(2, 4, 4, 3), _random(2, 4, 4, seed=3)),
    "landmark": lambda x: losses.landmark_loss(x.reshape(2, -1, 2), _random(2, 24, 2), _random(2, 24)),
    "reconstruction": lambda x: losses.reconstruction_loss(x, _random(2, 4, 4, 3, seed=9), _random(2, 4, 4)),
    "symmetry": losses.symmetry_loss,
    "constancy": lambda x: losses.constancy_loss(x, _random(2, 4, 4, 3, seed=4), _random(2, 4, 4)),
}


def _two() -> Pose:
    return decode(_random(2, 6, seed=5) - 0.5)


def _turns() -> torch.Tensor:
    return _two().rotation


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_are_those_of_finite_differences(name: str) -> None:
    shape = (2, 6) if name in ("scale", "translation", "rotation") else (2, 4, 4, 3)
    x = (0.8 * _random(*shape, seed=1) + 0.05).requires_grad_()
    assert torch.autograd.gradcheck(SLOPES[name], (x,), atol=1e-6)


def test_equal_things_cost_nothing_and_others_do() -> None:
    x, y = _random(2, 4, 4, 3), _random(2, 4, 4, 3, seed=1)
    every = torch.ones(2, 4, 4, dtype=torch.float64)
    for loss in (losses.texture_loss, losses.reconstruction_loss):
        assert loss(x, x, every) == 0
        assert loss(x, y, every) > 0
        assert loss(x, y, 0 * every) == 0  # nothing is known
    assert losses.shape_loss(x, x) == losses.landmark_loss(x, x) == losses.pose_loss(_pose(0), _pose(0)) == 0
    assert losses.pose_loss(_pose(0), _pose(1)) > 0


def test_a_quaternion_and_its_negative_are_one_rotation() -> None:
    """On the two sides of half a turn the formula's quaternions have opposite signs; the rotations do not."""
    near = torch.tensor([[torch.pi - 1e-3, 0.0, 0.0], [torch.pi + 1e-3, 0.0, 0.0]], dtype=torch.float64)
    one, other = euler_to_matrix(near)
    assert losses.rotation_loss(one[None], other[None]) < 1e-5
    half = euler_to_matrix(torch.tensor([[torch.pi, 0.0, 0.0]], dtype=torch.float64))
    assert torch.isclose(losses.rotation_loss(half, torch.eye(3).double()[None]), half.new_tensor(2.0))


def test_the_rotation_loss_grows_with_the_angle_about_any_axis() -> None:
    still, same = torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[None]
    for axis in range(3):
        costs = []
        for angle in (0.1, 0.4, 1.2):
            turn = still.clone()
            turn[axis] = angle
            costs.append(float(losses.rotation_loss(euler_to_matrix(turn[None]), same)))
        assert costs == sorted(costs)
        assert costs[0] == pytest.approx(2 - 2 * np.cos(0.05), rel=1e-6)


def test_symmetric_albedo_has_no_symmetry_loss() -> None:
    x = _random(1, 4, 6, 3)
    assert losses.symmetry_loss(x + x.flip(2)) == 0
    assert losses.symmetry_loss(x) > 0


def test_even_albedo_is_constant_whatever_the_light() -> None:
    even = torch.full((1, 4, 4, 3), 0.5, dtype=torch.float64)
    colour = _random(1, 4, 4, 3)
    assert abs(losses.constancy_loss(even, colour)) < 1e-12
    assert losses.constancy_loss(_random(1, 4, 4, 3, seed=2), colour) > 0


def test_albedo_may_change_where_the_colour_does_not_its_brightness() -> None:
    albedo = torch.full((1, 2, 4, 3), 0.2, dtype=torch.float64)
    albedo[:, :, 2:] = 0.6
    shadow, edge = torch.full_like(albedo, 0.3), torch.full_like(albedo, 0.3)
    shadow[:, :, 2:] *= 2  # brighter of one hue
    edge[:, :, 2:, 0] *= 2  # another hue
    assert losses.constancy_loss(albedo, edge) < 0.5 * losses.constancy_loss(albedo, shadow)


def test_losses_do_not_depend_on_the_other_pictures() -> None:
    """As they would if the least and greatest value of the batch became 0 and 1."""
    x, y = _random(2, 4, 4, 3), _random(2, 4, 4, 3, seed=1)
    every = torch.ones(2, 4, 4, dtype=torch.float64)
    alone = [losses.texture_loss(x[i : i + 1], y[i : i + 1], every[:1]) for i in range(2)]
    assert torch.isclose(losses.texture_loss(x, y, every), sum(alone) / 2)
