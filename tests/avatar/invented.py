"""A capture made in a moment: a sheet that bulges and reddens, before three cameras."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from facekit.avatar.batches import faces_batch, shape_of, signal_batch
from facekit.avatar.capture import Capture, Hmc, Keypoints, Mesh, Views, pack
from facekit.avatar.models import Avatar
from facekit.avatar.render import Cameras, Renderer, grey
from facekit.avatar.sizes import AvatarSizes
from facekit.records import Camera, FloatArray

SIDE, TEXELS, FRAMES, HELD_OUT = 7, 16, 24, 8
SIZES = AvatarSizes(4, (4, 8), (8, 8), 16, 16, (4, 8), 16, 16, kpt_blocks=1, steps=2)


@cache
def capture(seed: int = 0) -> Capture:
    """Views 20 x 20, pictures of the headset 12 x 16, eight keypoints; two numbers say all of a frame."""
    rng = np.random.default_rng(seed)
    count = FRAMES + HELD_OUT
    state = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    mesh, vertices = _sheet(state)
    textures = np.zeros((count, TEXELS, TEXELS, 3), np.float32) + np.array([0.6, 0.5, 0.4], np.float32)
    textures += 0.1 * rng.standard_normal((TEXELS, TEXELS, 3)).astype(np.float32)
    textures[..., 0] += 0.2 * state[:, 1, None, None]
    textures = textures.clip(0, 1)
    K, R, t = _cameras([(-0.4, 0.1), (0.0, 0.0), (0.5, -0.1)], 20, 20)
    gain, bias = np.ones((3, 3), np.float32), np.zeros((3, 3), np.float32)
    gain[2, 0], bias[2, 2] = 0.9, 0.03
    shown = [_seen(mesh, vertices, textures, K[m], R[m], t[m], (20, 20)) for m in range(3)]
    images = np.stack([image * gain[m] + bias[m] for m, (image, _) in enumerate(shown)], 1)
    masks = np.stack([mask for _, mask in shown], 1)
    still = np.tile(np.eye(3, 4), (count, 1, 1))
    views = Views(("a", "b", "c"), K, R, t, gain, bias, _bytes(images * masks[..., None]), pack(masks))
    hk, hr, ht = _cameras([(0.0, 0.6), (-0.3, 0.0), (0.3, 0.0)], 12, 16)
    looks = [_seen(mesh, vertices, textures, hk[s], hr[s], ht[s], (12, 16)) for s in range(3)]
    pictures = np.stack([grey(torch.from_numpy(image)).numpy() for image, _ in looks], 1)
    covered = np.stack([mask for _, mask in looks], 1)
    hmc = Hmc(hk, hr, ht, still, _bytes(pictures), pack(covered))
    held_out = np.arange(count) >= FRAMES
    return Capture(
        "sheet",
        mesh,
        ("first", "second"),
        held_out.astype(np.int32),
        held_out,
        still,
        vertices,
        _bytes(textures),
        views,
        hmc,
        _keypoints(vertices, K[1], R[1], t[1]),
        expression=np.zeros((count, 0), np.float32),
    )


def avatar(kind: str = "lip-flow", signal: str = "kpt", seed: int = 0) -> Avatar:
    """Untrained networks for ``capture`` whose flow is far from the identity."""
    generator = torch.Generator().manual_seed(seed)
    sheet = capture()
    made = Avatar(kind, signal, SIZES, shape_of(sheet), generator)
    faces = faces_batch(sheet, sheet.frames("training"), SIZES.texels)
    made.learn_scales(faces["vertices"], faces["textures"], signal_batch(sheet, sheet.frames(), "kpt"))
    if made.flow is not None:
        h = torch.randn(16, SIZES.hidden, generator=generator) if made.look is not None else None
        made.train().flow.to_noise(2 * torch.randn(16, SIZES.latent, generator=generator) + 1, h)
        with torch.no_grad():
            for value in made.flow.parameters():
                value += 0.1 * torch.randn(value.shape, generator=generator)
    return made.eval()


def _sheet(state: FloatArray) -> tuple[Mesh, FloatArray]:
    line = np.linspace(-0.1, 0.1, SIDE, dtype=np.float32)
    x, y = np.meshgrid(line, -line)
    height = np.exp(-(x * x + y * y) / 0.004)
    z = 0.03 * state[:, 0, None, None] * height
    flat = np.stack(np.broadcast_arrays(x, y, z), -1).reshape(len(state), -1, 3)
    corner = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    faces = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    uv = np.stack([x, y], -1).reshape(-1, 2) / 0.2 + 0.5
    index = faces.astype(np.int32)
    return Mesh(index, uv.astype(np.float32), index), np.ascontiguousarray(flat, np.float32)


def _cameras(angles: list[tuple[float, float]], high: int, wide: int) -> tuple[FloatArray, ...]:
    """Cameras half a metre off, by yaw and pitch."""
    K = np.array([[2.2 * wide, 0, wide / 2], [0, 2.2 * wide, high / 2], [0, 0, 1]])
    turns = []
    for yaw, pitch in angles:
        cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
        turn = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array(
            [[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]
        )
        turns.append(np.diag([1.0, -1.0, -1.0]) @ turn)
    count = len(angles)
    return np.tile(K, (count, 1, 1)), np.stack(turns), np.tile([0.0, 0.0, 0.5], (count, 1))


def _seen(
    mesh: Mesh,
    vertices: FloatArray,
    textures: FloatArray,
    K: FloatArray,
    R: FloatArray,
    t: FloatArray,
    size: tuple[int, int],
) -> tuple[FloatArray, FloatArray]:
    one = (
        torch.as_tensor(value, dtype=torch.float32).expand(len(vertices), *value.shape) for value in (K, R, t)
    )
    draw = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)
    texture = torch.from_numpy(textures).permute(0, 3, 1, 2)
    image, mask = draw(torch.from_numpy(vertices), texture, Cameras(*one), size)
    return image.numpy(), mask.numpy()


def _keypoints(vertices: FloatArray, K: FloatArray, R: FloatArray, t: FloatArray) -> Keypoints:
    from facekit.avatar.capture import project_keypoints

    corners = np.array([[17, 18, 24], [24, 25, 31], [10, 11, 17], [31, 32, 38]] * 2, np.int32)
    bary = np.repeat(np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]], np.float32), 4, 0)
    camera = Camera(K, R, t, np.array([20, 20], np.int32))
    index = np.array([13, 14, 0, 17, 33, 133, 263, 362], np.int32)
    none = Keypoints("mediapipe478", index, corners, bary, camera, np.zeros((0, 8, 2), np.float32))
    points = project_keypoints(none, vertices)
    return Keypoints("mediapipe478", index, corners, bary, camera, points)


def _bytes(colours: FloatArray) -> np.ndarray:
    return np.round(255 * colours.clip(0, 1)).astype(np.uint8)
