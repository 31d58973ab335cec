"""Full resolution is worked on in bands: the same picture as at once, in less memory."""

import tracemalloc

import cv2
import numpy as np
import pytest

from facekit.records import BoolArray, Camera, FloatArray
from facekit.texture import window as module
from facekit.texture.blend import Scene
from facekit.texture.window import Window, enlarge, replaced


def a_window(height: int, width: int, scale: float) -> Window:
    rng = np.random.default_rng(0)
    photo = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 3)
    hidden = np.zeros((height, width), bool)
    hidden[height // 3 :, width // 4 :] = True
    small = round(height * scale), round(width * scale)
    camera = Camera(np.eye(3), np.eye(3), np.zeros(3), np.array(small[::-1], np.int32))
    scene = Scene(np.zeros((*small, 3), np.float32), np.zeros(small, bool), 50.0, camera)
    return Window((0, 0, width, height), np.asarray(photo), hidden, scene)


def at_once(window: Window, picture: FloatArray) -> FloatArray:
    """The same, written down without a thought for memory."""
    large = cv2.resize(picture, window.hidden.shape[::-1], interpolation=cv2.INTER_CUBIC)
    photo, known = window.photo.astype(np.float32) / 255, (~window.hidden).astype(np.float32)
    sigma = 2.0 / window.scale
    near = cv2.GaussianBlur(known, (0, 0), sigma)
    step = cv2.GaussianBlur(np.clip(photo - large, -0.2, 0.2) * known[..., None], (0, 0), sigma)
    return np.where(known[..., None] > 0, photo, large + step / np.maximum(near, 0.5)[..., None])


@pytest.mark.parametrize(("height", "width", "scale"), [(301, 200, 0.3), (90, 120, 0.85), (60, 64, 0.1)])
def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch, height: int, width: int, scale: float) -> None:
    monkeypatch.setattr(module, "BAND", 16)
    window = a_window(height, width, scale)
    rng = np.random.default_rng(1)
    small = rng.random((*window.scene.hidden.shape, 3)).astype(np.float32)
    picture, share = enlarge(window, small, small[..., 0])
    np.testing.assert_array_equal(picture, at_once(window, small))
    assert (share[~window.hidden] == 0).all()
    assert share[window.hidden].min() >= 0
    expected = np.where(window.hidden[..., None], np.rint(np.clip(picture, 0, 1) * 255), window.photo)
    np.testing.assert_array_equal(replaced(window, picture), expected)
    assert np.abs(picture - cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)).max() > 0.1


def test_enlarging_takes_little_more_than_its_result() -> None:
    window = a_window(2400, 1000, 0.1)
    small = np.zeros((*window.scene.hidden.shape, 3), np.float32)

    def peak(hidden: BoolArray) -> int:
        tracemalloc.start()
        picture, _ = enlarge(Window(window.box, window.photo, hidden, window.scene), small, small[..., 0])
        replaced(window, picture)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    result = window.photo.size * 4
    assert result < peak(window.hidden) < 2.5 * result
