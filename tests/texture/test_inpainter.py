"""What the inpainter learns from, how it is trained, and what a completion makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facekit.errors import UsageError, WrongKindError
from facekit.files.models import load_model
from facekit.geometry.camera import project_points
from facekit.morphable.model import FaceModel
from facekit.records import BoolArray, ByteArray, Fit
from facekit.stages.train_inpainter import (
    Plan,
    face_map,
    fitted_example,
    inpainter_card,
    known_example,
    score,
    train_inpainter,
)
from facekit.synthetic.face import FaceOptions, SyntheticFace, sample_face
from facekit.synthetic.photo import PhotoOptions, SyntheticPhoto, render_photo
from facekit.texture.albedo import SeenAlbedo
from facekit.texture.chart import chart_of
from facekit.texture.examples import SIZE, Example, from_log_bytes, log_bytes
from facekit.texture.inpainter import Inpainter, Maps, complete_log, to_arrays
from facekit.texture.inpainter_training import Inpainting, Weights, new_pair, relit, unpacked
from facekit.texture.occlude import KINDS, occlusion_mask
from facekit.texture.places import ground
from facekit.texture.pyramid_gan import preset_discriminator
from facekit.texture.refine import Refinement, expected, refinement, toned, varied
from facekit.texture.simulated import known_fit, simulated_fit
from facekit.texture.sym_unet import PLAIN, PRESETS, SymUNet

NUMBERS = range(20, 24)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_model("default")


@pytest.fixture(scope="module")
def face(model: FaceModel) -> SyntheticFace:
    return sample_face(model, torch.Generator().manual_seed(5), FaceOptions(texture_size=256))


@pytest.fixture(scope="module")
def photo(model: FaceModel, face: SyntheticFace) -> SyntheticPhoto:
    options = PhotoOptions(size=160, yaw=5, pitch=5, wild=0)
    return render_photo(model, face, torch.Generator().manual_seed(5), options)


@pytest.fixture(scope="module")
def examples(model: FaceModel, photo: SyntheticPhoto) -> list[Example]:
    made = [known_example(photo.image, photo.vertices, photo.camera, model, number) for number in NUMBERS]
    assert None not in made
    return [one for one in made if one is not None]


def untrained(inputs: int, seed: int = 0) -> SymUNet:
    network = SymUNet(PRESETS["tiny"].widths, inputs)
    new_pair(network, None, torch.Generator().manual_seed(seed))
    return network.eval().requires_grad_(False)


def stirred(network: SymUNet) -> SymUNet:
    """The network with a last layer that is not zero."""
    with torch.no_grad():
        network.head.weight.normal_(0, 0.5, generator=torch.Generator().manual_seed(1))
    return network


def test_masks_hide_a_part_of_the_face(model: FaceModel, photo: SyntheticPhoto) -> None:
    for kind in KINDS:
        rng = np.random.default_rng(3)
        hidden = occlusion_mask(kind, model, photo.vertices, photo.camera, rng)
        share = (hidden & photo.skin).sum() / photo.skin.sum()
        assert 0.02 < share < 0.9, kind
        again = occlusion_mask(kind, model, photo.vertices, photo.camera, np.random.default_rng(3))
        assert (hidden == again).all()


def test_a_simulated_fit_errs_where_nothing_is_seen(model: FaceModel, photo: SyntheticPhoto) -> None:
    hidden = occlusion_mask("mask", model, photo.vertices, photo.camera, np.random.default_rng(0))
    g = torch.Generator().manual_seed(1)
    fits = [simulated_fit(photo.image, hidden, photo.vertices, photo.camera, model, g) for _ in range(4)]
    skin = model.topology.part("skin") & (model.topology.regions["face"] > 0.5)
    true = project_points(photo.camera, photo.vertices)[:, :2]
    seen, unseen = [], []
    for fit in fits:
        assert fit is not None
        error = np.linalg.norm(project_points(fit.camera, fit.vertices)[:, :2] - true, axis=1)
        seen.append(error[skin & fit.visible].mean())
        unseen.append(error[skin & ~fit.visible & (photo.vertices[:, 2] > 0.02)].mean())
    width = np.ptp(true[skin, 0])
    assert 0.001 < np.mean(seen) / width < 0.03
    assert np.mean(unseen) > 1.15 * np.mean(seen)
    everything = np.ones_like(hidden)
    assert simulated_fit(photo.image, everything, photo.vertices, photo.camera, model, g) is None


def test_an_example_holds_the_truth_and_what_a_completion_finds(examples: list[Example]) -> None:
    for one in examples:
        assert one.truth.shape == one.linear.shape == one.shade.shape == (SIZE, SIZE, 3)
        assert 0.01 < one.hidden < 0.95
        seen, hidden = one.seen > 250, (one.seen < 5) & (one.shown > 250)
        difference = np.abs(one.truth.astype(int) - one.linear).mean(-1)
        assert np.median(difference[seen]) < np.median(difference[hidden])
        again = Example.from_arrays(one.arrays())
        assert all((value == again.arrays()[name]).all() for name, value in one.arrays().items())
    log = np.random.default_rng(0).uniform(-5, -0.1, (4, 4, 3)).astype(np.float32)
    assert np.abs(from_log_bytes(torch.from_numpy(log_bytes(log))).numpy() - log).max() < 0.012


def test_photos_without_truth_are_fitted_twice(model: FaceModel, photo: SyntheticPhoto) -> None:
    asked: list[BoolArray] = []

    def fit(pixels: ByteArray, hidden: BoolArray) -> Fit:
        asked.append(hidden)
        found = known_fit(pixels, hidden, photo.vertices, photo.camera, model)
        assert found is not None
        return found

    made = fitted_example(photo.image, fit, model, 21)
    assert made is not None
    assert [hidden.any() for hidden in asked] == [False, True]


def batch_of(examples: list[Example]) -> dict[str, torch.Tensor]:
    return {
        name: torch.from_numpy(np.stack([getattr(one, name) for one in examples]))
        for name in examples[0].arrays()
    }


def test_an_untrained_network_leaves_the_linear_completion(model: FaceModel, examples: list[Example]) -> None:
    where = torch.from_numpy(face_map(model))[None, None]
    maps, _, _ = unpacked(batch_of(examples))
    done, _ = complete_log(untrained(7), maps, where)
    assert torch.allclose(done, maps.linear, atol=1e-5)
    plain, _ = complete_log(untrained(PLAIN), maps, where)
    assert float(plain.std((2, 3)).max()) < 1e-5  # one tone, that of what is seen
    other = replace(maps, linear=maps.linear + 1)
    assert torch.allclose(complete_log(stirred(untrained(PLAIN)), other, where)[0],
                          complete_log(stirred(untrained(PLAIN)), maps, where)[0])  # fmt: skip
    lighter = Maps(maps.log + 0.7, maps.seen, maps.linear + 0.7)
    moved = complete_log(stirred(untrained(7)), lighter, where)[0]
    assert torch.allclose(moved - 0.7, complete_log(stirred(untrained(7)), maps, where)[0], atol=1e-4)


def test_mirrored_input_gives_mirrored_output(model: FaceModel, examples: list[Example]) -> None:
    network = stirred(untrained(7))
    found = Inpainter.from_arrays(*to_arrays(network, "tiny", PRESETS["tiny"].widths, model.topology, SIZE))
    assert found.belongs_to(model.topology)
    one, where = examples[0], face_map(model)
    log, linear = (from_log_bytes(torch.from_numpy(m)).numpy() for m in (one.truth, one.linear))
    seen = one.seen.astype(np.float32) / 255

    def both(symmetric: bool) -> float:
        here, sigma = found.complete(log, seen, linear, where, symmetric)
        there, again = found.complete(log[:, ::-1], seen[:, ::-1], linear[:, ::-1], where[:, ::-1], symmetric)
        return float(max(np.abs(here - there[:, ::-1]).max(), np.abs(sigma - again[:, ::-1]).max()))

    assert both(True) < 1e-4
    assert both(False) > 1e-3  # must fail: one branch alone knows left from right
    with pytest.raises(WrongKindError, match="inpainter"):
        Inpainter.from_arrays({}, {"kind": "facekit-albedo"})


def test_inpainter_and_discriminator_learn_apart(model: FaceModel, examples: list[Example]) -> None:
    judge = preset_discriminator("tiny")
    pair = new_pair(SymUNet(PRESETS["tiny"].widths, 7), judge, torch.Generator().manual_seed(0))
    task = Inpainting(pair, examples, face_map(model), 2, Weights(0, 0, 0, 0, adversarial=1.0))
    batch = task.batch(1.0, torch.Generator().manual_seed(0))
    terms = task.losses(batch, 1.0)

    def moved(name: str) -> tuple[bool, bool]:
        pair.zero_grad()
        terms[name].backward(retain_graph=True)
        return tuple(
            any(p.grad is not None and bool(p.grad.abs().max() > 0) for p in part.parameters())
            for part in (pair.inpainter, judge)
        )

    assert moved("adversarial") == (True, False)
    assert moved("discriminator") == (False, True)
    assert set(terms) >= {"completion", "symmetry", "image", "expectation", "loss"}


def test_much_is_hidden_only_later_on(model: FaceModel, examples: list[Example]) -> None:
    task = Inpainting(
        new_pair(untrained(7), None, torch.Generator()), examples, face_map(model), 64, Weights()
    )
    least = min(examples, key=lambda one: one.hidden)
    early = task.batch(0.0, torch.Generator().manual_seed(0))["seen"].numpy()
    assert all((one == least.seen).all() or (one[:, ::-1] == least.seen).all() for one in early)
    late = task.batch(1.0, torch.Generator().manual_seed(0))["seen"].numpy()
    assert len({one.tobytes() for one in late}) == 2 * len(examples)


def test_training_comes_nearer_to_the_truth(model: FaceModel, examples: list[Example]) -> None:
    plan = Plan("tiny", 0, 8, 2, 6e-3)
    trained = train_inpainter(model, examples, examples, plan)
    assert trained.score is not None
    assert trained.score.network < trained.score.linear
    assert "tiny" in inpainter_card("facekit train-prior inpainter x", trained, 1, 4)
    start = Inpainter.from_arrays(trained.arrays, trained.settings)
    again = score(start.network, examples, face_map(model))
    assert again.network == pytest.approx(trained.score.network, rel=0.01)  # half precision
    further = train_inpainter(model, examples, examples, replace(plan, steps=1, rate=0.0), begin=start)
    assert further.score is not None
    assert further.score.network == pytest.approx(again.network, rel=0.02)
    with pytest.raises(UsageError, match="too few"):
        train_inpainter(model, examples[:1], [], plan)
    with pytest.raises(UsageError, match="another preset"):
        train_inpainter(model, examples, [], replace(plan, plain=True), begin=start)


def test_relit_textures_are_those_of_the_photo(examples: list[Example]) -> None:
    maps, truth, wanted = unpacked(batch_of(examples))
    assert float((maps.seen * wanted).max()) < 0.26
    assert relit(torch.zeros(1, 3, 1, 1), torch.full((1, 3, 1, 1), 0.2140)).numpy() == pytest.approx(
        0.5, abs=1e-3
    )
    assert float(relit(truth, torch.ones_like(truth)).max()) <= 1


def test_only_unseen_texels_change_and_doubt_makes_completions_differ(model: FaceModel) -> None:
    size = 256
    chart = chart_of(model.topology, size)
    where = ground(model, chart)
    trust = np.ones((size, size), np.float32)
    trust[120:] = 0
    albedo = np.full((size, size, 3), 0.3, np.float32)
    network = stirred(untrained(7))
    made = Inpainter.from_arrays(*to_arrays(network, "tiny", PRESETS["tiny"].widths, model.topology, SIZE))
    found = refinement(made, SeenAlbedo(np.log(albedo), trust), albedo, chart, where, symmetric=True)
    for picture in (expected(albedo, found), toned(albedo, found)):
        assert np.allclose(picture[:119], 0.3, atol=1e-5)
        assert np.abs(picture[140:] - 0.3).max() > 0.003
    sure = Refinement(np.zeros_like(albedo), 0.01 * (1 - trust))
    unsure = Refinement(np.zeros_like(albedo), 0.3 * (1 - trust))

    def drawn(doubt: Refinement, seed: int) -> np.ndarray:
        return varied(albedo, doubt, torch.Generator().manual_seed(seed))

    assert (drawn(unsure, 0) == drawn(unsure, 0)).all()
    assert np.abs(drawn(unsure, 0) - drawn(unsure, 1))[140:].mean() > 0.01
    assert np.abs(drawn(sure, 0) - drawn(sure, 1))[140:].mean() < 0.001
    assert np.allclose(drawn(unsure, 0)[:119], 0.3, atol=1e-5)
