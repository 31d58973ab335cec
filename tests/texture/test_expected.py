"""The expected picture: a learned difference, added where the face is covered and nowhere else."""

import numpy as np
import pytest
from scenes import World

from facekit.morphable.albedo import chart_digest
from facekit.raster.shade import linear_to_srgb
from facekit.texture.chart import chart_of
from facekit.texture.expected import SHARE, Expected, add_expected, mean_difference

SIZE = 128


@pytest.fixture
def learned(world: World) -> Expected:
    brighter = np.full((SIZE, SIZE, 3), 0.1, np.float32)
    return Expected(brighter, 2 * brighter, chart_digest(world.model.topology))


def test_it_reads_back_what_it_stores(learned: Expected) -> None:
    again = Expected.from_arrays(*learned.arrays())
    assert again.chart == learned.chart
    assert np.abs(again.upper - learned.upper).max() < 1e-3
    assert np.abs(again.lower - learned.lower).max() < 1e-3


def test_it_belongs_to_one_chart(learned: Expected, world: World) -> None:
    assert learned.belongs_to(world.model.topology)
    assert not Expected(learned.upper, learned.lower, "another").belongs_to(world.model.topology)


def test_the_mean_is_symmetric_and_needs_enough_photos() -> None:
    one = np.zeros((4, 4, 3), np.float32)
    one[:, 0] = 0.3
    mean = mean_difference([one] * 50, [np.ones((4, 4), np.float32)] * 50)
    assert (mean == mean[:, ::-1]).all()
    assert 0.13 < mean[0, 0, 0] < 0.15  # half of it on each side, held a little towards nothing
    assert (mean_difference([one] * 3, [np.ones((4, 4), np.float32)] * 3) == 0).all()


def test_only_what_is_covered_changes(learned: Expected, world: World) -> None:
    topology = world.model.topology
    chart = chart_of(topology, SIZE)
    shade = chart.image(np.ones((len(chart.index), 3), np.float32))
    albedo = np.full((SIZE, SIZE, 3), 0.3, np.float32)
    seen = np.ones((SIZE, SIZE), np.float32)
    untouched = add_expected(albedo, shade, seen, learned, chart, topology)
    assert np.abs(untouched - albedo).max() < 1e-5
    seen[SIZE // 2 :] = 0
    changed = add_expected(albedo, shade, seen, learned, chart, topology)
    assert np.abs(changed[: SIZE // 2] - albedo[: SIZE // 2]).max() < 1e-5
    brightness = float(linear_to_srgb(np.float32(0.3)))
    rise = linear_to_srgb(changed) - linear_to_srgb(albedo)
    low = chart.covered & (np.arange(SIZE)[:, None] > 0.6 * SIZE)
    assert rise[low].max() <= SHARE * 0.2 * brightness + 1e-3
    assert np.isfinite(changed).all()
