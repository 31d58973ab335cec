"""The network: sizes of Table 7, shapes, files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facekit.errors import UsageError, WrongKindError
from facekit.networks.blocks import parameter_count
from facekit.segmentation.network import PRESETS, from_arrays, preset_segmenter, segmenter, to_arrays


def test_the_paper_preset_has_the_paper_s_parameters() -> None:
    with torch.device("meta"):
        count = parameter_count(preset_segmenter_on_meta())
    assert round(count / 1e6, 2) == 7.18


def preset_segmenter_on_meta() -> torch.nn.Module:
    from facekit.segmentation.network import Segmenter

    return Segmenter(PRESETS["paper"].widths, PRESETS["paper"].side)


def test_three_classes_at_the_size_of_the_picture() -> None:
    network = segmenter("tiny").eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 3, 64, 64)
        assert network(torch.zeros(1, 3, 32, 96)).shape == (1, 3, 32, 96)


def test_it_is_no_blind_function_of_place() -> None:
    network, generator = segmenter("tiny").eval(), torch.Generator().manual_seed(1)
    with torch.inference_mode():
        a, b = network(torch.randn(2, 3, 64, 64, generator=generator))
    assert (a - b).abs().mean() > 0.01


def test_weights_come_back_from_their_arrays() -> None:
    network = segmenter("tiny", torch.Generator().manual_seed(3)).eval()
    arrays, settings = to_arrays(network)
    again = from_arrays(arrays, settings)
    crop = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(again(crop), network(crop), atol=0.05)
    assert again.side == 64
    assert all(array.dtype == np.float16 for array in arrays.values())


def test_other_weights_are_refused() -> None:
    arrays, settings = to_arrays(segmenter("tiny"))
    with pytest.raises(WrongKindError, match="not of a face segmenter"):
        from_arrays(arrays, settings | {"kind": "pose"})
    arrays.pop("out.weight")
    with pytest.raises(WrongKindError, match="damaged"):
        from_arrays(arrays, settings)
    with pytest.raises(UsageError, match="unknown preset"):
        preset_segmenter("huge")
