"""Tables of evaluate occlusion."""

from __future__ import annotations

import numpy as np
import pytest

from facekit.metrics.occlusion_tables import BARE, overlap_on_face, tables

WAYS = ("proposed",)


def case(kind: str, ways: dict[str, float], failed: str | None = None) -> dict[str, object]:
    return {"name": "n", "kind": kind, "failed": failed, "ratio": ways["true"], "ways": {"proposed": ways}}


def test_only_the_face_counts() -> None:
    face, found, hidden = np.zeros((10, 10), bool), np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    face[:5], found[:, :4], hidden[:, 2:6] = True, True, True
    assert overlap_on_face(found, hidden, face) == pytest.approx({"both": 0.2, "found": 0.4, "true": 0.4})


def test_means_worst_and_pixels() -> None:
    good, bad = {"both": 0.4, "found": 0.4, "true": 0.4}, {"both": 0.05, "found": 0.1, "true": 0.05}
    nothing = {"both": 0.0, "found": 0.02, "true": 0.0}
    results = [case("cup", good), case("cup", bad), case(BARE, nothing), case("hair", bad, "no face")]
    overlap, bare = tables(results, WAYS)
    ((kind, photos, share, *figures),) = overlap.rows
    assert (kind, photos, share) == ("cup", 2, "22 %")
    assert figures == pytest.approx([0.75, 0.5, 0.9])
    assert bare.rows == (("proposed", 1, 1, "2.00 %", "2.0 %"),)
    assert tables(results[:2], WAYS) == [overlap]
