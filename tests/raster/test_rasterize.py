"""Laws of all rasterisers, and the fast one against the slow one, forward and backward."""

import importlib.util
import sys

import numpy as np
import pytest
import torch
from raster_helpers import assert_same_fragments, assert_same_gradient, head, same_bytes, screens, tolerance

from facekit.errors import ModelUnavailableError
from facekit.geometry.threads import set_threads, thread_count
from facekit.raster.fragments import BACKENDS, Fragments, rasterize, rasterize_numpy
from facekit.raster.interpolate import interpolate

SIZE = (56, 48)
ANGLES = [(0.0, 0.0), (0.5, 0.2), (-1.2, -0.4)]
HAVE_PYTORCH3D = importlib.util.find_spec("pytorch3d") is not None
FAST = [
    "cpu",
    pytest.param("pytorch3d", marks=pytest.mark.skipif(not HAVE_PYTORCH3D, reason="not installed")),
]
ALL = [*FAST, "reference"]
DTYPES = [torch.float32, torch.float64]
SQUARE = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def triangle(*corners, dtype=torch.float64):
    return torch.tensor([corners], dtype=dtype)


def image_loss(fragments: Fragments, seed: int = 0) -> torch.Tensor:
    """A random linear function of barycentrics and depth."""
    generator = torch.Generator().manual_seed(seed)
    kind = {"generator": generator, "dtype": torch.float64}
    g_bary = torch.randn(fragments.bary.shape, **kind)
    g_depth = torch.randn(fragments.depth.shape, **kind)
    depth = torch.where(fragments.mask, fragments.depth, torch.zeros_like(fragments.depth))
    return (fragments.bary * g_bary).sum() + (depth * g_depth).sum()


@pytest.fixture
def threads():
    before = thread_count()
    yield set_threads
    set_threads(before)


# Laws that hold for every back end


@pytest.mark.parametrize("backend", ALL)
def test_what_a_pixel_shows_projects_to_its_centre(backend):
    """Perspective-correct weights carry points of space exactly."""
    vertices, faces = head()
    screen = screens(vertices, ANGLES, SIZE, torch.float64)
    fragments = rasterize(screen, faces, SIZE, backend)
    rays = torch.cat(
        [screen[..., :2] * screen[..., 2:], screen[..., 2:]], -1
    )  # (px z, py z, z), linear in space
    points = interpolate(fragments, faces, rays)[fragments.mask]
    y, x = torch.meshgrid(torch.arange(SIZE[0]) + 0.5, torch.arange(SIZE[1]) + 0.5, indexing="ij")
    centres = torch.stack([x, y], -1).expand(len(ANGLES), *SIZE, 2)[fragments.mask].double()
    limit = 1e-10 if backend != "pytorch3d" else 2e-3
    torch.testing.assert_close(points[:, :2] / points[:, 2:], centres, rtol=0, atol=limit)
    torch.testing.assert_close(points[:, 2], fragments.depth[fragments.mask], rtol=1e-6, atol=0)


@pytest.mark.parametrize("backend", ALL)
def test_weights_are_a_partition(backend):
    vertices, faces = head()
    fragments = rasterize(screens(vertices, ANGLES, SIZE, torch.float64), faces, SIZE, backend)
    mask = fragments.mask
    assert 0.1 < mask.double().mean() < 0.9
    assert (fragments.bary[mask] >= -1e-6).all()
    torch.testing.assert_close(fragments.bary.sum(-1), mask.double(), rtol=0, atol=1e-4)
    assert (fragments.bary[~mask] == 0).all()
    assert fragments.depth[~mask].isinf().all()
    assert fragments.depth[mask].isfinite().all()
    assert fragments.pix_to_face.dtype == torch.int32
    assert (fragments.pix_to_face[~mask] == -1).all()


@pytest.mark.parametrize("backend", ALL)
def test_the_depth_of_a_slanted_plane(backend):
    """The plane z = 1 + X seen with focal length 10 px: depth = 1 / (1 - (px - cx) / 10)."""
    corners = torch.tensor([[-0.3, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.3, 0.5]], dtype=torch.float64)
    z = 1 + corners[:, 0]
    screen = torch.stack([10 * corners[:, 0] / z + 8, 10 * corners[:, 1] / z + 8, z], -1)[None]
    fragments = rasterize(screen, SQUARE, (16, 16), backend)
    x = torch.arange(16, dtype=torch.float64) + 0.5
    truth = (1 / (1 - (x - 8) / 10)).expand(1, 16, 16)[fragments.mask]
    assert int(fragments.mask.sum()) > 40
    torch.testing.assert_close(fragments.depth[fragments.mask], truth, rtol=2e-6, atol=0)


@pytest.mark.parametrize("backend", ALL)
def test_a_batch_is_its_images(backend):
    vertices, faces = head()
    screen = screens(vertices, ANGLES, SIZE, torch.float32)
    together = rasterize(screen, faces, SIZE, backend)
    for k in range(len(ANGLES)):
        alone = rasterize(screen[k : k + 1], faces, SIZE, backend)
        assert same_bytes(together.pix_to_face[k], alone.pix_to_face[0])
        assert same_bytes(together.bary[k], alone.bary[0])
        assert same_bytes(together.depth[k], alone.depth[0])


@pytest.mark.parametrize("backend", ALL)
def test_a_mirrored_mesh_gives_the_mirrored_picture(backend):
    vertices, faces = head()
    screen = screens(vertices, ANGLES, SIZE, torch.float64)
    mirrored = screen * torch.tensor([-1.0, 1.0, 1.0]) + torch.tensor([float(SIZE[1]), 0.0, 0.0])
    one, other = rasterize(screen, faces, SIZE, backend), rasterize(mirrored, faces, SIZE, backend)
    assert (one.mask == other.mask.flip(2)).double().mean() > 0.9995
    both = one.mask & other.mask.flip(2)
    torch.testing.assert_close(one.depth[both], other.depth.flip(2)[both], rtol=1e-4, atol=0)


@pytest.mark.parametrize("backend", ALL)
def test_cull_keeps_the_side_it_says(backend):
    vertices, faces = head()
    screen = screens(vertices, [(0.4, 0.2)], SIZE, torch.float64)
    plain, fronts, backs = (rasterize(screen, faces, SIZE, backend, cull=c) for c in (0, 1, -1))
    assert torch.equal(plain.pix_to_face, fronts.pix_to_face)  # of a closed mesh the nearest faces are fronts
    both = plain.mask & backs.mask
    assert (backs.depth[both] >= plain.depth[both]).all()
    assert float((backs.depth[both] - plain.depth[both]).max()) > 0.1
    turned = rasterize(screen, faces[:, ::-1].copy(), SIZE, backend, cull=1)
    assert torch.equal(turned.pix_to_face, backs.pix_to_face)


@pytest.mark.parametrize("backend", ALL)
def test_faces_at_or_behind_the_near_plane_are_skipped(backend):
    for z in (0.0, -1.0, 1e-3):
        screen = triangle((1, 1, 1), (9, 1, 1), (1, 9, z))
        assert not rasterize(screen, np.array([[0, 1, 2]]), (8, 8), backend).mask.any()
    screen = triangle((1, 1, 1), (9, 1, 1), (1, 9, 0.4))
    assert rasterize(screen, np.array([[0, 1, 2]]), (8, 8), backend).mask.any()
    assert not rasterize(screen, np.array([[0, 1, 2]]), (8, 8), backend, near=0.5).mask.any()


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize(
    "bad", [(1, 1, 1), (5, 5, 1), (np.nan, 9, 1), (1, np.nan, 1), (1, 9, np.nan), (np.inf, 9, 1)]
)
def test_degenerate_faces_are_skipped(backend, bad):
    """No area, or a corner that is not a number, beside a sound face."""
    screen = triangle((1, 1, 1), (9, 9, 1), bad, (1, 9, 1))
    fragments = rasterize(screen, np.array([[0, 1, 2], [0, 1, 3]]), (10, 10), backend)
    assert fragments.mask.any()
    assert (fragments.pix_to_face[fragments.mask] == 1).all()
    assert fragments.bary.isfinite().all()


# Rules of our own rasterisers


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_pixels_on_shared_edges_belong_to_a_face(backend):
    """A grid whose vertices and edges lie on pixel centres has no holes, at any height of the vertices."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(9) * 2 + 0.5, np.arange(9) * 2 + 0.5)
    y = y + np.where(
        (np.arange(9) % 8 > 0)[:, None], rng.uniform(-0.9, 0.9, x.shape), 0
    )  # columns stay on centres
    z = rng.uniform(0.5, 2, x.shape)
    i = np.arange(81).reshape(9, 9)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, 1:].ravel(), i[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    for dtype in DTYPES:
        screen = torch.tensor(np.stack([x, y, z], -1).reshape(1, 81, 3), dtype=dtype)
        assert rasterize(screen, faces, (17, 17), backend).mask.all()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_edges_belong_to_the_face(backend):
    screen = triangle((0.5, 0.5, 1), (4.5, 0.5, 1), (0.5, 4.5, 1))
    mask = rasterize(screen, np.array([[0, 1, 2]]), (6, 6), backend).mask[0]
    y, x = torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij")
    assert torch.equal(mask, x + y <= 4)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_of_equal_depths_the_lower_index_wins(backend):
    screen = triangle((0, 0, 1), (9, 0, 1), (0, 9, 1), (0, 0, 1), (9, 0, 1), (0, 9, 1))
    for faces in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        fragments = rasterize(screen, np.array(faces), (8, 8), backend)
        assert (fragments.pix_to_face[fragments.mask] == 0).all()


def test_a_face_larger_than_the_picture_covers_it():
    screen = triangle((-100, -100, 1), (300, -100, 2), (-100, 300, 3))
    for size in ((1, 1), (7, 5)):
        assert rasterize(screen, np.array([[0, 1, 2]]), size).mask.all()
    assert not rasterize(screen, np.zeros((0, 3), np.int32), (7, 5)).mask.any()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (4, 0), (4, 6), (2, 6), (4, 3)])
def test_a_face_within_one_pixel_of_the_border_is_drawn(backend, row, column):
    centre = torch.tensor([column + 0.5, row + 0.5, 1.0], dtype=torch.float64)
    screen = centre + 0.4 * triangle((-1, -1, 0), (1, -1, 0), (0, 1, 0))
    mask = rasterize(screen, np.array([[0, 1, 2]]), (5, 7), backend).mask[0]
    assert mask.nonzero().tolist() == [[row, column]]


# The fast ones against the reference


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_is_the_reference(backend, dtype):
    vertices, faces = head(3)
    screen = screens(vertices, ANGLES, SIZE, dtype)
    fragments = rasterize(screen, faces, SIZE, backend)
    assert_same_fragments(fragments, rasterize(screen, faces, SIZE, "reference"), tolerance(backend, dtype))


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 3])
def test_backward_is_the_reference(backend, dtype, batch):
    vertices, faces = head()
    screen = screens(vertices, ANGLES[:batch], SIZE, dtype)
    gradients = []
    for name in (backend, "reference"):
        leaf = screen.clone().requires_grad_()
        image_loss(rasterize(leaf, faces, SIZE, name)).backward()
        gradients.append(leaf.grad)
    assert gradients[0].dtype == dtype
    assert_same_gradient(*gradients, tolerance(backend, dtype)["gradient"])


def test_the_gradient_is_that_of_differences():
    """At fixed visibility: one large slanted triangle around the whole picture."""
    screen = triangle((-20, -9, 0.7), (31, -8, 1.5), (2, 40, 1.1)).requires_grad_()
    faces = np.array([[0, 1, 2]])

    def outputs(x):
        fragments = rasterize(x, faces, (5, 4))
        return fragments.bary, fragments.depth

    assert torch.autograd.gradcheck(outputs, (screen,))


@pytest.mark.parametrize("used", ["bary", "depth"])
def test_either_output_alone_can_be_differentiated(used):
    screen = triangle((-20, -9, 0.7), (31, -8, 1.5), (2, 40, 1.1)).requires_grad_()
    getattr(rasterize(screen, np.array([[0, 1, 2]]), (5, 4)), used).square().sum().backward()
    assert float(screen.grad.abs().sum()) > 0


# Determinism and memory


def test_any_number_of_threads_gives_the_same_bytes(threads):
    vertices, faces = head(3)
    screen = screens(vertices, ANGLES[:1], (101, 97), torch.float32)
    results = []
    for count in (1, 2, 3, 7):
        threads(count)
        leaf = screen.clone().requires_grad_()
        fragments = rasterize(leaf, faces, (101, 97))
        picture = interpolate(fragments, faces, leaf[0] * 1.5)
        (image_loss(fragments) + picture.sin().sum()).backward()
        results.append((fragments.pix_to_face, fragments.bary.detach(), fragments.depth.detach(), leaf.grad))
    for other in results[1:]:
        assert all(same_bytes(a, b) for a, b in zip(results[0], other, strict=True))


def test_numpy_is_torch_and_reuses_buffers():
    vertices, faces = head()
    screen = screens(vertices, ANGLES, SIZE, torch.float32)
    truth = rasterize(screen, faces, SIZE)
    out = rasterize_numpy(screen.numpy()[::-1], faces, SIZE)
    again = rasterize_numpy(screen.numpy(), faces, SIZE, out=out)
    assert again is out
    assert same_bytes(torch.from_numpy(out.pix_to_face), truth.pix_to_face)
    assert same_bytes(torch.from_numpy(out.bary), truth.bary)
    assert same_bytes(torch.from_numpy(out.depth), truth.depth)
    with pytest.raises(ValueError, match="out must be"):
        rasterize_numpy(screen.numpy(), faces, (3, 3), out=out)


# Errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"screen": torch.zeros(4, 3)}, "screen positions"),
        ({"faces": np.zeros((2, 4))}, "faces must be"),
        ({"size": (0, 3)}, "size must be"),
        ({"cull": 2}, "cull must be"),
        ({"backend": "gl"}, "unknown rasteriser"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    arguments = {"screen": torch.zeros(1, 4, 3), "faces": SQUARE, "size": (4, 4), **change}
    with pytest.raises(ValueError, match=message):
        rasterize(**arguments)


def test_a_missing_back_end_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    for name in [n for n in sys.modules if n.startswith("pytorch3d.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModelUnavailableError, match="pytorch3d rasteriser is not installed"):
        rasterize(torch.ones(1, 4, 3), SQUARE, (4, 4), "pytorch3d")


def test_all_back_ends_are_tested():
    assert set(BACKENDS) == {"cpu", "reference", "pytorch3d"}
