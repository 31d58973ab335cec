"""The shipped topology: manifold, symmetric, well shaped, injective chart, landmarks where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from facekit.detection.schemes import LOWER_LIP, MIRROR_68, MIRROR_478, UPPER_LIP
from facekit.geometry.mesh import boundary_vertices, components, edges
from facekit.morphable.build.decimate import quality
from facekit.morphable.build.eye import sphere_centre
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS, REGIONS

TEXELS = 1024
SCHEMES = (("ibug68", MIRROR_68), ("mediapipe478", MIRROR_478))


def area2(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corner = points[faces]
    return np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)


def part_faces(model: FaceModel, *names: str) -> np.ndarray:
    inside = model.topology.part(*names)[model.topology.faces].all(axis=1)
    return model.topology.faces[inside]


def directed_edges(faces: np.ndarray) -> np.ndarray:
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def test_sizes_and_frame(default: FaceModel) -> None:
    assert 4500 < len(default.mean) < 5500
    assert 2900 < default.topology.regions["narrow_face"].sum() < 3300
    assert (default.block("identity").size, default.block("expression").size) == (100, 53)
    marks = default.topology.embeddings["ibug68"].points(default.mean)
    assert_allclose(
        np.linalg.norm(marks[36] - marks[45]), 0.0892, atol=0.001
    )  # outer-eye distance of the source
    assert marks[45, 0] > 0 > marks[36, 0]  # the subject's left eye is at +x
    assert marks[30, 2] > marks[[36, 45], 2].max() + 0.02  # the nose points along +z
    assert marks[27, 1] > marks[8, 1] + 0.08  # y is up
    eye = default.mean[default.topology.part("left_eye")]
    centre = sphere_centre(eye[eye[:, 2] < eye[:, 2].max() - 0.012])
    assert np.abs(centre[1:]).max() < 0.0005  # the origin lies between the centres of the eyeballs


def test_every_vertex_is_used_and_no_triangle_is_degenerate(default: FaceModel) -> None:
    faces, mean = default.topology.faces, default.mean
    assert np.array_equal(np.unique(faces), np.arange(len(mean)))
    size = area2(mean, faces)
    assert size.min() > 1e-9
    shape = quality(mean[faces], size)
    assert shape.min() > 0.05
    assert np.quantile(shape[default.topology.part("skin")[faces].all(axis=1)], 0.01) > 0.35


def test_the_surface_is_an_oriented_manifold(default: FaceModel) -> None:
    directed = directed_edges(default.topology.faces)
    assert len(np.unique(directed, axis=0)) == len(directed)  # no edge twice in one direction
    corner = default.mean[part_faces(default, "skin", "mouth", "socket")]
    volume = (np.cross(corner[:, 0], corner[:, 1]) * corner[:, 2]).sum() / 6
    assert volume > 0.002  # m3: triangles face outwards


def test_the_skin_is_one_piece_with_four_openings(default: FaceModel) -> None:
    faces = part_faces(default, "skin")
    used = np.unique(faces)
    euler = len(used) - len(edges(faces)) + len(faces)
    assert euler == 2 - 4  # a sphere without neck, mouth and two eyes
    pieces = components(len(default.mean), faces)[1][used]
    assert len(np.unique(pieces)) == 1
    head = default.topology.faces[np.isin(default.topology.faces, used).any(axis=1)]
    rim = boundary_vertices(len(default.mean), default.topology.faces) & np.isin(
        np.arange(len(default.mean)), head
    )
    assert (default.topology.regions["boundary"][rim] == 1).all()  # mouth and eyes are closed inside


def test_mirror_is_an_involution_that_keeps_the_faces(default: FaceModel) -> None:
    topology = default.topology
    assert np.array_equal(topology.mirror[topology.mirror], np.arange(len(default.mean)))
    assert np.array_equal(topology.mirrored(default.mean), default.mean)
    turned = {tuple(np.roll(f, -f.argmin())) for f in topology.mirror[topology.faces][:, ::-1]}
    assert turned == {tuple(np.roll(f, -f.argmin())) for f in topology.faces}
    swap = {"left_eye": "right_eye", "right_eye": "left_eye"}
    for name in PARTS:
        assert np.array_equal(topology.part(name), topology.part(swap.get(name, name))[topology.mirror])


def test_modes_are_exactly_symmetric(default: FaceModel) -> None:
    turned = default.topology.mirrored(default.basis)
    identity = default.block("identity").slice
    same = np.abs(turned[identity] - default.basis[identity]).max(axis=(1, 2)) == 0
    opposite = np.abs(turned[identity] + default.basis[identity]).max(axis=(1, 2)) == 0
    assert (same ^ opposite).all()
    names = default.expression_names
    swap = {"_L": "_R", "_R": "_L"}
    start = default.block("expression").start
    for k, name in enumerate(names):
        other = {
            "jawLeft": "jawRight",
            "jawRight": "jawLeft",
            "mouthLeft": "mouthRight",
            "mouthRight": "mouthLeft",
        }
        partner = other.get(name, name[:-2] + swap[name[-2:]] if name[-2:] in swap else name)
        assert np.array_equal(turned[start + k], default.basis[start + names.index(partner)]), name


def test_identity_modes_are_ordered_by_their_variance_in_the_face(default: FaceModel) -> None:
    narrow = default.topology.regions["narrow_face"] > 0
    rms = np.sqrt((default.basis[:100, narrow].astype(float) ** 2).sum(axis=2).mean(axis=1))
    assert rms[0] > 0.003
    assert (rms[20:] < rms[:20].min() * 1.2).all()
    assert rms[60:].max() < rms[0] / 8


@pytest.fixture(scope="module")
def covered(default: FaceModel) -> tuple[np.ndarray, int]:
    """The ``coverage`` of the chart."""
    return coverage(default.topology.uv.astype(float), default.topology.uv_faces)


def test_the_chart_is_injective(default: FaceModel, covered: tuple[np.ndarray, int]) -> None:
    uv, uv_faces = default.topology.uv.astype(float), default.topology.uv_faces
    assert uv.min() >= 0
    assert uv.max() <= 1
    owner, overlaps = covered
    assert overlaps == 0
    assert signed(uv, uv_faces).min() > 0
    folded = uv.copy()
    folded[uv_faces[100, 0]] = uv[uv_faces[5000, 0]]
    assert coverage(folded, uv_faces)[1] > 0  # the count can see an overlap
    assert (owner >= 0).mean() > 0.85


def test_the_chart_gives_the_face_nearly_half_of_the_square(default: FaceModel) -> None:
    narrow = (default.topology.regions["narrow_face"] > 0)[default.topology.faces].all(axis=1)
    assert signed(default.topology.uv.astype(float), default.topology.uv_faces)[narrow].sum() / 2 > 0.45


def test_flipping_the_chart_mirrors_the_face_texel_by_texel(
    default: FaceModel, covered: tuple[np.ndarray, int]
) -> None:
    topology, (owner, _) = default.topology, covered
    corner = {tuple(np.roll(f, -f.argmin())): k for k, f in enumerate(topology.faces)}
    turned = topology.mirror[topology.faces][:, ::-1]
    partner = np.array([corner[tuple(np.roll(f, -f.argmin()))] for f in turned])
    flipped = owner[:, ::-1]
    assert np.array_equal(owner >= 0, flipped >= 0)
    assert np.array_equal(partner[owner[owner >= 0]], flipped[owner >= 0])
    order = [
        [list(topology.faces[partner[k]]).index(topology.mirror[i]) for i in topology.faces[k]]
        for k in range(len(partner))
    ]
    other = np.take_along_axis(topology.uv_faces[partner], np.array(order), axis=1)
    assert np.array_equal(topology.uv[other][..., 0], 1 - topology.uv[topology.uv_faces][..., 0])
    assert np.array_equal(topology.uv[other][..., 1], topology.uv[topology.uv_faces][..., 1])


def signed(uv: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Twice the signed areas."""
    a, b = uv[faces[:, 1]] - uv[faces[:, 0]], uv[faces[:, 2]] - uv[faces[:, 0]]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def coverage(uv: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, int]:
    """Triangle of each texel of the chart (-1 none), and how many texels lie inside two triangles."""
    owner, overlaps = np.full((TEXELS, TEXELS), -1), 0
    for k, (a, b, c) in enumerate(uv[faces] * TEXELS):
        low = np.maximum(np.floor(np.min([a, b, c], axis=0) - 0.5).astype(int), 0)
        high = np.minimum(np.ceil(np.max([a, b, c], axis=0)).astype(int) + 1, TEXELS)
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        inside = np.ones(x.shape, bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) > 1e-9
        rows, columns = y[inside].astype(int), x[inside].astype(int)
        overlaps += int((owner[rows, columns] >= 0).sum())
        owner[rows, columns] = k
    return owner, overlaps


def test_regions_are_masks_that_divide_the_skin(default: FaceModel) -> None:
    regions, skin = default.topology.regions, default.topology.part("skin")
    assert set(REGIONS) <= set(regions)
    assert all(((w == 0) | (w == 1)).all() and w.any() for w in regions.values())
    parts = ("forehead", "nose", "lips", "left_eye_region", "right_eye_region")
    assert np.sum([regions[name] for name in parts], axis=0).max() == 1
    assert (np.sum([regions[name] for name in parts], axis=0) <= regions["face"]).all()
    outside = np.sum([regions[name] for name in ("face", "left_ear", "right_ear", "neck", "scalp")], axis=0)
    assert np.array_equal(outside, skin.astype(float))
    assert np.array_equal(regions["eye_region"], regions["left_eye_region"] + regions["right_eye_region"])
    for name, weight in regions.items():
        side, _, rest = name.partition("_")
        partner = {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)
        assert np.array_equal(weight[default.topology.mirror], regions[partner]), name


@pytest.mark.parametrize(("scheme", "mirror"), SCHEMES)
def test_landmarks_are_symmetric_points_of_the_surface(
    default: FaceModel, scheme: str, mirror: np.ndarray
) -> None:
    found = default.topology.embeddings[scheme]
    assert found.bary.min() >= 0
    assert_allclose(found.bary.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(found.faces, default.topology.faces[found.face])
    points = found.points(default.mean)
    assert_allclose(points[mirror] * [-1, 1, 1], points, atol=2e-5)
    moved = found.points(default.mean + np.array([0.0, 0.0, 0.001]))
    assert_allclose(moved - points, np.broadcast_to([0, 0, 0.001], points.shape), atol=1e-9)


def test_ibug68_landmarks_lie_in_their_regions(default: FaceModel) -> None:
    embedding = default.topology.embeddings["ibug68"]
    where = {
        "nose": range(29, 36),
        "lips": range(48, 68),
        "right_eye_region": range(36, 42),
        "left_eye_region": range(42, 48),
        "face": [*range(68)],
    }
    for region, rows in where.items():
        inside = default.topology.regions[region][embedding.faces].max(axis=1) > 0
        assert inside[list(rows)].all(), region
    points = embedding.points(default.mean)
    assert (np.diff(points[:17, 0]) > 0).all()
    assert points[17:27, 1].min() > points[36:48, 1].max()
    assert points[60:68, 1].max() - points[60:68, 1].min() < 0.012  # the mouth is closed


def test_mediapipe_points_are_where_the_network_sees_them(default: FaceModel) -> None:
    points = default.topology.embeddings["mediapipe478"].points(default.mean)
    marks = default.topology.embeddings["ibug68"].points(default.mean)
    pairs = {33: 36, 133: 39, 362: 42, 263: 45, 61: 48, 291: 54, 2: 33, 4: 30, 152: 8, 0: 51, 17: 57}
    off = np.linalg.norm(points[list(pairs)] - marks[list(pairs.values())], axis=1)
    assert off.max() < 0.011
    assert np.median(off) < 0.006
    assert 0.058 < np.linalg.norm(points[468] - points[473]) < 0.070  # pupil distance
    eyes = default.topology.part("left_eye", "right_eye")
    assert eyes[default.topology.embeddings["mediapipe478"].faces[468:]].all()
    skin = default.topology.part("skin")
    assert skin[default.topology.embeddings["mediapipe478"].faces[:468]].all()


def test_each_lip_has_its_own_points(default: FaceModel) -> None:
    """They touch at rest; an opening jaw takes the lower lip along, twice as far as the corners and more, and
    leaves the upper one.
    """
    jaw = default.block("expression").start + default.expression_names.index("jawOpen")
    opening = default.basis[jaw].astype(np.float64)
    for scheme, upper, lower in (
        ("mediapipe478", list(UPPER_LIP), list(LOWER_LIP)),
        ("ibug68", range(61, 64), [67, 66, 65]),
    ):
        down = -default.topology.embeddings[scheme].points(opening)[:, 1]
        assert (down[list(lower)] > 2.5 * down[list(upper)]).all(), scheme
    corners = default.topology.embeddings["ibug68"].points(opening)[[48, 54], 1]
    inner = default.topology.embeddings["mediapipe478"].points(opening)
    assert (inner[[87, 14, 317], 1] < 2 * corners.mean()).all()
    assert (inner[[82, 13, 312], 1] > 0.5 * corners.mean()).all()


def test_expressions_do_what_they_say(default: FaceModel) -> None:
    def shape(**weights: float) -> np.ndarray:
        code = np.zeros(default.size)
        for name, weight in weights.items():
            k = default.expression_names.index(name)
            code[default.block("expression").start + k] = weight / default.expression_scale[k]
        return default.instance(code)

    marks = default.topology.embeddings["ibug68"]
    neutral = marks.points(default.mean)
    opened = marks.points(shape(jawOpen=1.0))
    assert neutral[8, 1] - opened[8, 1] > 0.02
    teeth = default.topology.part("teeth")
    lower = teeth & (default.mean[:, 1] < np.median(default.mean[teeth, 1]))
    assert (default.mean - shape(jawOpen=1.0))[lower, 1].mean() > 0.015
    shut = marks.points(shape(eyeBlink_L=1.0))
    assert np.linalg.norm(shut[43] - shut[47]) < 0.35 * np.linalg.norm(neutral[43] - neutral[47])
    assert_allclose(shut[36:42], neutral[36:42], atol=1e-4)  # the right eye stays open
    iris = default.topology.embeddings["mediapipe478"]
    assert iris.points(shape(eyeLookOut_L=1.0))[473, 0] - iris.points(default.mean)[473, 0] > 0.005
    assert iris.points(shape(eyeLookUp_R=1.0))[468, 1] - iris.points(default.mean)[468, 1] > 0.004
    smile = marks.points(shape(mouthSmile_L=1.0, mouthSmile_R=1.0))
    assert smile[54, 0] > neutral[54, 0] + 0.003
    assert smile[54, 1] > neutral[54, 1] + 0.003


def test_subset_keeps_whole_triangles_and_landmarks(default: FaceModel) -> None:
    index = np.flatnonzero(default.topology.regions["narrow_face"])
    part = default.topology.subset(index)
    assert part.faces.max() < len(index)
    assert part.faces.shape == part.uv_faces.shape
    assert (part.mirror >= 0).all()
    assert "ibug68" not in part.embeddings or part.embeddings["ibug68"].faces.max() < len(index)
    one_side = default.topology.subset(np.flatnonzero(default.mean[:, 0] > 0))
    assert (one_side.mirror == -1).all()
    with pytest.raises(ValueError, match="mirror"):
        one_side.mirrored(default.mean)
