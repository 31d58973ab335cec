"""What an open mouth shows: gums and tongue, and the crowns of the front teeth (left half)."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from facekit.morphable.build.decimate import Decimation, Plan
from facekit.morphable.build.half import half_faces, open_rim, trial_shapes
from facekit.morphable.build.source import IctSource
from facekit.records import IntArray

GUM_VERTICES = 110
UPPER_TEETH = (24, 20, 20, 16, 12, 12)  # vertices of each crown from the middle, in one half
LOWER_TEETH = (16, 16, 16, 14, 12, 12)
CROWN = 0.55  # part of a tooth's height that is not root


def gums(source: IctSource) -> IntArray:
    """Triangles of the decimated half of gums and tongue, as source vertices."""
    faces = half_faces(source, "gums_tongue")
    count = len(source.mean)
    middle = source.mirror == np.arange(count)
    rim = open_rim(source.part("gums_tongue"), count)
    line = np.where(middle, 0, np.where(rim, 1, -1))
    plan = Plan(np.zeros(count, int), (GUM_VERTICES,), line, middle & rim, np.ones(count))
    return Decimation(trial_shapes(source), faces, plan).run()


def teeth(source: IctSource) -> list[IntArray]:
    """Triangles of each decimated crown of the left front teeth, as source vertices."""
    faces = half_faces(source, "teeth")
    vertices = np.unique(faces)
    middle_height = (source.mean[vertices, 1].min() + source.mean[vertices, 1].max()) / 2
    jaws: dict[bool, list[IntArray]] = {True: [], False: []}
    for tooth in components(faces, len(source.mean)):
        height = source.mean[np.unique(tooth), 1]
        upper = bool(height.mean() > middle_height)
        centre = source.mean[tooth, 1].mean(axis=1)
        level = height.min() + CROWN * np.ptp(height) if upper else height.max() - CROWN * np.ptp(height)
        jaws[upper].append(tooth[centre < level] if upper else tooth[centre > level])
    chosen = []
    for jaw, sizes in ((True, UPPER_TEETH), (False, LOWER_TEETH)):
        front = sorted(jaws[jaw], key=lambda tooth: float(source.mean[tooth, 0].mean()))
        chosen += [crown(source, tooth, size) for tooth, size in zip(front, sizes, strict=False)]
    return chosen


def crown(source: IctSource, faces: IntArray, size: int) -> IntArray:
    """One crown decimated to ``size`` vertices."""
    count = len(source.mean)
    rim = open_rim(faces, count)
    plan = Plan(np.zeros(count, int), (size,), np.where(rim, 0, -1), np.zeros(count, bool), np.ones(count))
    return Decimation(trial_shapes(source)[[0, 3]], faces, plan).run()


def components(faces: IntArray, count: int) -> list[IntArray]:
    """Connected pieces of a triangle set, ordered by their smallest vertex."""
    pairs = coo_matrix(
        (np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())), (count, count)
    )
    label = connected_components(pairs, directed=False)[1][faces[:, 0]]
    _, first = np.unique(label, return_index=True)
    return [faces[label == label[k]] for k in np.sort(first)]
