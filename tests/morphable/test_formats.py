"""Foreign face models: files written here in their makers' formats, read back into facekit's units and
axes.
"""

import json
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat
from small_head import (
    EMBEDDING,
    HEAD,
    QUADS,
    RNG,
    TRIANGLES,
    V,
    flame_arrays,
    in_facekit_conventions,
)

from facekit.errors import ModelUnavailableError, UnreadableError, WrongKindError
from facekit.files import models
from facekit.files.models import load_model
from facekit.morphable.formats import bfm, flame, ict, surface
from facekit.morphable.topology import MIRROR

# BFM -----------------------------------------------------------------------------------------------------

MODES = np.linalg.qr(RNG.normal(size=(3 * V, 12)))[0]
DEVIATION_MM = np.linspace(20, 3, 12)


def test_bfm2009_in_micrometres_with_inverted_triangles(tmp_path):
    savemat(
        tmp_path / "01_MorphableModel.mat",
        {
            "shapeMU": HEAD.reshape(-1, 1) * 1e6,
            "shapePC": MODES,
            "shapeEV": DEVIATION_MM[:, None] * 1e3,
            "tl": TRIANGLES[:, ::-1] + 1,
        },
    )
    model = load_model(str(tmp_path / "01_MorphableModel.mat"))
    in_facekit_conventions(model)
    np.testing.assert_allclose(model.mean, HEAD, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(model.basis, axis=(1, 2)), DEVIATION_MM * 1e-3, rtol=1e-5)
    assert model.block("expression").size == 0


def test_bfm_front_in_decimetres(tmp_path):
    scaled = MODES * DEVIATION_MM * 1e-2
    savemat(
        tmp_path / "BFM_model_front.mat",
        {
            "meanshape": HEAD.reshape(1, -1) * 10,
            "idBase": scaled[:, :8],
            "exBase": scaled[:, 8:],
            "tri": TRIANGLES + 1,
            "keypoints": np.arange(68)[None] + 1,
        },
    )
    model = load_model(str(tmp_path / "BFM_model_front.mat"))
    in_facekit_conventions(model)
    np.testing.assert_allclose(np.linalg.norm(model.basis, axis=(1, 2)), DEVIATION_MM * 1e-3, rtol=1e-5)
    assert model.block("expression").size == 4
    np.testing.assert_allclose(model.topology.embeddings["ibug68"].points(model.mean), HEAD[:68], atol=1e-9)


def write_bfm2017(path, landmarks=None):
    h5py = pytest.importorskip("h5py", reason="h5py is an optional dependency")
    with h5py.File(path, "w") as file:
        for part, columns in (("shape", slice(0, 8)), ("expression", slice(8, 12)), ("color", slice(0, 4))):
            file[f"{part}/model/mean"] = HEAD.ravel() * 1e3 if part == "shape" else np.full(3 * V, 0.5)
            file[f"{part}/model/pcaBasis"] = MODES[:, columns]
            file[f"{part}/model/pcaVariance"] = DEVIATION_MM[columns] ** 2
        file["shape/representer/points"] = HEAD.T * 1e3
        file["shape/representer/cells"] = TRIANGLES.T
        if landmarks is not None:
            file["metadata/landmarks/json"] = json.dumps(landmarks)


def test_bfm2017_in_millimetres_with_variances(tmp_path):
    write_bfm2017(tmp_path / "model2017-1_bfm_nomouth.h5")
    model = load_model(str(tmp_path / "model2017-1_bfm_nomouth.h5"))
    in_facekit_conventions(model)
    np.testing.assert_allclose(model.mean, HEAD + 0.5e-3, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(model.basis, axis=(1, 2)), DEVIATION_MM * 1e-3, rtol=1e-5)
    assert (model.block("identity").size, model.block("expression").size) == (8, 4)


def test_named_landmarks_of_bfm2017(tmp_path):
    named = [
        {"id": name, "coordinates": (HEAD[10 + row] * 1e3).tolist()} for row, name in bfm.NAMES_2017.items()
    ]
    arrays = {"metadata/landmarks/json": json.dumps(named)}
    known = bfm.known_landmarks(arrays, None)
    assert known.keys() == bfm.NAMES_2017.keys()
    np.testing.assert_allclose(known[30], HEAD[40], atol=1e-12)
    assert bfm.known_landmarks({}, None) == {}


def test_h5_without_h5py_names_the_command(tmp_path, monkeypatch):
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModelUnavailableError, match="pip install h5py"):
        load_model(str(tmp_path / "m.h5"))


# ICT -----------------------------------------------------------------------------------------------------

ICT_IDENTITY = RNG.normal(size=(3, V, 3)) * 0.2  # cm
ICT_EXPRESSION = RNG.normal(size=(2, V, 3)) * 0.5


def write_obj(path, vertices, quads, uv=None):
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    if uv is not None:
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    lines += [
        "f " + " ".join(f"{i + 1}/{i + 1}" if uv is not None else str(i + 1) for i in quad) for quad in quads
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def ict_folder(tmp_path):
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    uv = RNG.uniform(0, 1, (V, 2))
    write_obj(folder / "generic_neutral_mesh.obj", HEAD * 100, QUADS, uv)
    for i, mode in enumerate(ICT_IDENTITY):
        write_obj(folder / f"identity{i:03d}.obj", HEAD * 100 + mode, QUADS)
    for name, mode in zip(("jawOpen", "browDown_L"), ICT_EXPRESSION, strict=True):
        write_obj(folder / f"{name}.obj", HEAD * 100 + mode, QUADS)
    index = {"expressions": ["jawOpen", "browDown_L"], "idx_to_landmark_verts": list(range(68))}
    (folder / "vertex_indices.json").write_text(json.dumps(index))
    return folder


def test_ict_folder_in_centimetres_with_quads(ict_folder):
    model = load_model(str(ict_folder))
    in_facekit_conventions(model)
    np.testing.assert_allclose(model.mean, HEAD, atol=1e-7)
    assert len(model.topology.faces) == 2 * len(QUADS)
    assert model.expression_names == ("jawOpen", "browDown_L")
    np.testing.assert_allclose(model.basis[:3], ICT_IDENTITY * 0.01, atol=2e-7)
    jaw = np.zeros(model.size)
    jaw[3] = 1 / model.expression_scale[0]
    np.testing.assert_allclose(model.instance(jaw) - model.mean, ICT_EXPRESSION[0] * 0.01, atol=3e-7)
    np.testing.assert_allclose(model.arkit(jaw), [1, 0])
    assert model.upper[3] == pytest.approx(1 / model.expression_scale[0])
    assert load_model(str(ict_folder.parent)).digest == model.digest


def test_ict_npz_equals_the_folder(ict_folder, tmp_path):
    np.savez(
        tmp_path / "light.npz",
        v=(HEAD * 100).astype(np.float32),
        quads=QUADS,
        id_basis=ICT_IDENTITY.astype(np.float32),
        id_scale=np.ones(3, np.float32),
        exp_basis=ICT_EXPRESSION.astype(np.float32),
        exp_scale=np.ones(2, np.float32),
        exp_names=np.array(["jawOpen", "browDown_L"]),
        lmk68=np.arange(68),
    )
    light, folder = load_model(str(tmp_path / "light.npz")), load_model(str(ict_folder))
    np.testing.assert_allclose(light.basis, folder.basis, atol=3e-7)
    np.testing.assert_array_equal(light.topology.faces, folder.topology.faces)


def test_the_released_ict_model(shared):
    model = load_model(str(shared / "data/ict/ict_face_model_light.npz"))
    in_facekit_conventions(model, outside=0.6)  # sockets and mouth cavity face inwards
    points = model.topology.embeddings["ibug68"].points(model.mean)
    assert 0.085 < np.linalg.norm(points[45] - points[36]) < 0.095
    assert points[45, 0] > 0 > points[36, 0]
    assert points[30, 2] > points[27, 2]
    assert (model.topology.mirror >= 0).all()


def test_a_mesh_of_another_size_in_the_folder_is_refused(ict_folder):
    write_obj(ict_folder / "jawOpen.obj", HEAD[:-1], QUADS[:3])
    with pytest.raises(WrongKindError, match="jawOpen"):
        load_model(str(ict_folder))


# common --------------------------------------------------------------------------------------------------


def test_cylinder_chart_is_symmetric_and_has_no_seam_triangles():
    uv, uv_faces = surface.cylinder_chart(HEAD, TRIANGLES)
    assert np.ptp(uv[uv_faces][..., 0], axis=1).max() < 0.5
    partner = surface.mirror_partners(HEAD, 1e-6)
    assert (partner >= 0).all()
    np.testing.assert_allclose(HEAD[partner], HEAD * MIRROR, atol=1e-9)
    np.testing.assert_allclose(uv[partner][:, 0], 1 - uv[: len(HEAD), 0], atol=1e-6)


def test_tiles_are_packed_without_overlap():
    uv = np.array([[0.1, 0.1], [0.9, 0.1], [0.5, 0.9], [1.1, 0.1], [1.9, 0.1], [2.5, 0.9]])
    faces = np.array([[0, 1, 2], [3, 4, 3], [5, 5, 5]])
    packed, rows = ict.one_tile(uv, faces)
    assert packed.min() >= 0
    assert packed.max() <= 1
    assert packed[rows[0], 1].min() >= 0.25
    assert packed[rows[1:], 1].max() <= 0.25
    assert packed[rows[1], 0].max() <= 0.5 <= packed[rows[2], 0].min()


def test_missing_landmarks_are_carried_over():
    """Another face of the same shape, smaller and turned: the carried landmarks fall on the right
    vertices.
    """
    index = RNG.choice(V, 68, replace=False)
    reference = 0.8 * HEAD[index] @ np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    if np.linalg.det(np.linalg.lstsq(HEAD[index], reference, rcond=None)[0]) < 0:
        reference = reference * [1, 1, -1]
    known = {row: HEAD[index[row]] for row in (8, 30, 36, 39, 42, 45, 48, 54)}
    embedding = surface.complete_landmarks(HEAD, TRIANGLES, known, reference)
    np.testing.assert_allclose(embedding.points(HEAD), HEAD[index], atol=1e-9)
    with pytest.raises(WrongKindError, match="few"):
        surface.complete_landmarks(HEAD, TRIANGLES, {8: HEAD[0]}, reference)


def test_detector_points_are_carried_from_a_face_of_another_size_and_place():
    """A shifted, larger copy: all points land where they lie on the original; without 68 there is nothing to
    do.
    """
    index = RNG.choice(V, 68, replace=False)
    plain = ict.linear_ict(
        "a", HEAD * 100, TRIANGLES, None, (ICT_IDENTITY, ICT_EXPRESSION), ("a", "b"), {"lmk68": index}
    )
    points = plain.topology.embed(np.arange(30), RNG.dirichlet(np.ones(3), 30))
    other = replace(plain.topology, embeddings={**plain.topology.embeddings, "mediapipe478": points})
    ours = surface.carry_embedding(plain.topology, plain.mean, other, 1.3 * plain.mean + 0.2, "mediapipe478")
    np.testing.assert_allclose(
        ours.embeddings["mediapipe478"].points(plain.mean), points.points(plain.mean), atol=1e-4
    )
    bare = replace(plain.topology, embeddings={})
    assert surface.carry_embedding(bare, plain.mean, other, plain.mean, "mediapipe478") is bare


def test_the_released_ict_model_gets_the_default_detector_s_points(shared):
    """The default face was made from this model, so its points must fall where they came from."""
    if not models.has_asset(models.DEFAULT_ASSET):
        pytest.skip("needs the default face model")
    foreign, default = load_model(str(shared / "data/ict/ict_face_model_light.npz")), load_model()
    at = [m.topology.embeddings["mediapipe478"].points(m.mean) for m in (foreign, default)]
    gap = [x - x.mean(axis=0) for x in at]
    assert np.linalg.norm(gap[0] - gap[1], axis=1).max() < 1e-3


def test_bfm_landmarks_come_from_the_default_face(tmp_path, monkeypatch):
    """Where the release names few landmarks, the default face gives the others."""
    index = RNG.choice(V, 68, replace=False)
    plain = ict.linear_ict(
        "stand-in", HEAD * 100, TRIANGLES, None, (ICT_IDENTITY, ICT_EXPRESSION), ("a", "b"), {"lmk68": index}
    )
    monkeypatch.setattr(models, "_default", lambda: plain)
    monkeypatch.setattr(models, "has_asset", lambda name: True)
    named = [
        {"id": name, "coordinates": (HEAD[index[row]] * 1e3).tolist()} for row, name in bfm.NAMES_2017.items()
    ]
    write_bfm2017(tmp_path / "m.h5", named)
    model = load_model(str(tmp_path / "m.h5"))
    np.testing.assert_allclose(
        model.topology.embeddings["ibug68"].points(HEAD),
        plain.topology.embeddings["ibug68"].points(HEAD),
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("m.pkl", b"garbage", UnreadableError),
        ("m.pkl", pickle.dumps({"a": 1}), WrongKindError),
        ("m.mat", b"garbage", UnreadableError),
        ("m.h5", b"garbage", WrongKindError),
        ("m.h5", b"\x89HDF\r\n\x1a\nbroken", UnreadableError),
        ("m.npz", b"PK\x03\x04", UnreadableError),
        ("m.safetensors", b"garbage", WrongKindError),
        ("m.obj", b"v 0 0 0\n", WrongKindError),
    ],
)
def test_files_that_are_no_models_get_one_sentence(tmp_path, name, content, error):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error) as failure:
        load_model(str(tmp_path / name))
    assert "\n" not in str(failure.value)


def test_unknown_names_and_empty_folders(tmp_path):
    with pytest.raises(ModelUnavailableError, match="no face model"):
        load_model("nobody")
    with pytest.raises(WrongKindError, match="folder"):
        load_model(str(tmp_path))


def test_foreign_models_keep_their_meaning_in_facekit_s_format(tmp_path):
    pytest.importorskip("facekit.morphable.arrays")
    model = flame.flame_model(flame_arrays(4, 3), EMBEDDING, {"nose": [1, 2]})
    models.write_model(tmp_path / "flame.safetensors", model)
    back = load_model(str(tmp_path / "flame.safetensors"))
    assert back.digest == model.digest
    assert back.arkit(np.ones(model.size)).shape == (0,)
    assert replace(back, name=model.name).blocks == model.blocks
