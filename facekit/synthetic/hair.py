"""Scalp hair as a shell: the skull seen from its middle, pushed out, with strands, down to a hairline or the
shoulders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS, Embedding
from facekit.records import BoolArray, FloatArray, IntArray
from facekit.synthetic.atlas import HEAD_CENTRE, face_frame
from facekit.synthetic.chance import between
from facekit.synthetic.hairline import Hairline, hair_height
from facekit.synthetic.noise import noise_at, smoothstep
from facekit.synthetic.scene import MATERIALS, Surface
from facekit.synthetic.shapes import grid_faces

COLUMNS, ROWS = 160, 72  # directions around the head, and from the crown down to POLAR
POLAR = 132.0  # degrees from the crown


@dataclass(frozen=True)
class HairStyle:
    """Shape of the hair. Lengths in mm."""

    thickness: float
    clump: float  # height of the clumps
    clump_width: float
    wave: float  # sideways wave of long hair
    fall: float  # how far long hair hangs below the ears; 0 = short
    seed: int


def sample_style(rng: np.random.Generator) -> HairStyle:
    """Random hair: mostly short, one in four long."""
    long = rng.random() < 0.27
    return HairStyle(
        thickness=between(rng, 4.0, 17.0) + (4.0 if long else 0.0),
        clump=between(rng, 0.5, 3.0),
        clump_width=between(rng, 2.0, 6.0),
        wave=between(rng, 0.0, 9.0),
        fall=between(rng, 60.0, 190.0) if long else 0.0,
        seed=int(rng.integers(2**31)),
    )


@njit(cache=True, fastmath=True)
def _cast(
    origin: FloatArray, rays: FloatArray, triangles: FloatArray, hit: IntArray, bary: FloatArray
) -> None:
    for r in range(len(rays)):
        far = 0.0
        dx, dy, dz = rays[r, 0], rays[r, 1], rays[r, 2]
        for f in range(len(triangles)):
            ax, ay, az = triangles[f, 0, 0], triangles[f, 0, 1], triangles[f, 0, 2]
            if ax * dx + ay * dy + az * dz < 0:
                continue
            e1x, e1y, e1z = triangles[f, 1, 0] - ax, triangles[f, 1, 1] - ay, triangles[f, 1, 2] - az
            e2x, e2y, e2z = triangles[f, 2, 0] - ax, triangles[f, 2, 1] - ay, triangles[f, 2, 2] - az
            px, py, pz = dy * e2z - dz * e2y, dz * e2x - dx * e2z, dx * e2y - dy * e2x
            det = e1x * px + e1y * py + e1z * pz
            if abs(det) < 1e-12:
                continue
            u = -(ax * px + ay * py + az * pz) / det
            if u < -1e-6 or u > 1.000001:
                continue
            qx, qy, qz = -(ay * e1z - az * e1y), -(az * e1x - ax * e1z), -(ax * e1y - ay * e1x)
            v = (dx * qx + dy * qy + dz * qz) / det
            if v < -1e-6 or u + v > 1.000001:
                continue
            t = (e2x * qx + e2y * qy + e2z * qz) / det
            if t > far:
                far = t
                hit[r] = f
                bary[r, 0], bary[r, 1], bary[r, 2] = 1 - u - v, u, v


@dataclass(frozen=True)
class Skull:
    """Where rays from the middle of the head leave the mean face: a grid of ROWS × COLUMNS embedded
    points."""

    embedding: Embedding
    missed: BoolArray  # (ROWS, COLUMNS), rays that hit an ear or nothing
    height_points: FloatArray  # (ROWS * COLUMNS, 3) mm, face frame, on the mean
    azimuth: FloatArray  # (COLUMNS,) radians, 0 = forehead
    centre: FloatArray  # (3,) m, head frame of the mean


_SKULLS: dict[int, tuple[FaceModel, Skull]] = {}


def skull_of(model: FaceModel) -> Skull:
    """The skull grid of a model, found once per process."""
    key = id(model.topology)
    if key not in _SKULLS:
        _SKULLS[key] = (model, _build_skull(model))
    return _SKULLS[key][1]


def _build_skull(model: FaceModel) -> Skull:
    vertices, _ = face_frame(model)
    topology = model.topology
    ear = (
        (np.abs(vertices[:, 0]) > 74)
        & (vertices[:, 1] < 38)
        & (vertices[:, 2] > -135)
        & (vertices[:, 2] < -50)
    )
    keep = (topology.parts == PARTS.index("skin")) & ~ear & (vertices[:, 1] > -130)
    rows = np.flatnonzero(keep[topology.faces].all(axis=1))
    azimuth = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    polar = np.deg2rad(np.linspace(0.5, POLAR, ROWS))
    rays = np.stack(
        [
            np.sin(polar)[:, None] * np.sin(azimuth),
            np.repeat(np.cos(polar)[:, None], COLUMNS, axis=1),
            np.sin(polar)[:, None] * np.cos(azimuth),
        ],
        axis=-1,
    ).reshape(-1, 3)
    hit = np.full(len(rays), -1, np.int64)
    bary = np.zeros((len(rays), 3))
    _cast(np.zeros(3), rays, (vertices - HEAD_CENTRE)[topology.faces[rows]].astype(np.float64), hit, bary)
    missed = hit < 0
    hit[missed] = 0
    bary[missed] = 1 / 3
    embedding = topology.embed(rows[hit], bary)
    grid = _fill(embedding.points(vertices).reshape(ROWS, COLUMNS, 3), missed.reshape(ROWS, COLUMNS))
    shift = (model.mean * 1000 - vertices)[0]
    return Skull(
        embedding,
        missed.reshape(ROWS, COLUMNS),
        grid.reshape(-1, 3).astype(np.float32),
        azimuth,
        (HEAD_CENTRE + shift) / 1000.0,
    )


def _fill(grid: FloatArray, missed: BoolArray) -> FloatArray:
    """Points of missed rays from their neighbours: normalised blur, wide enough to span an ear."""
    weight = (~missed).astype(np.float64)
    modes = ("nearest", "wrap")
    total = gaussian_filter(weight, 4.0, mode=modes) + 1e-6
    smooth = np.stack(
        [gaussian_filter(grid[..., c] * weight, 4.0, mode=modes) / total for c in range(3)], axis=-1
    )
    return np.where(missed[..., None], smooth, grid)


def hair_surfaces(
    model: FaceModel, vertices: FloatArray, hairline: Hairline, style: HairStyle, colour: FloatArray
) -> list[Surface]:
    """The hair (none for a bald head) on a face with ``vertices`` (V, 3) m; colour (3,) linear RGB."""
    if hairline.cover < 1.0:
        return []
    rng = np.random.default_rng(style.seed)
    skull = skull_of(model)
    scalp = skull.embedding.points(vertices).reshape(ROWS, COLUMNS, 3)
    scalp = _fill(scalp, skull.missed)
    scalp = np.stack(
        [gaussian_filter(scalp[..., c], 0.8, mode=("nearest", "wrap")) for c in range(3)], axis=-1
    )
    out = scalp - skull.centre
    out /= np.linalg.norm(out, axis=-1, keepdims=True)
    height = hair_height(skull.height_points, hairline).reshape(ROWS, COLUMNS)
    arc = np.broadcast_to(skull.azimuth * 95.0, height.shape)
    place = np.stack(
        [np.cos(arc / 95) * 95, np.sin(arc / 95) * 95, skull.height_points[:, 1].reshape(height.shape)], -1
    )
    flat = place.reshape(-1, 3)
    clump = noise_at(flat, (style.clump_width, style.clump_width, 40.0), rng).reshape(height.shape)
    clump *= np.minimum(np.arange(ROWS) / 12.0, 1.0)[:, None]  # columns meet at the crown
    shape = noise_at(flat, 45.0, rng).reshape(height.shape)
    ragged = height + 2.5 * clump
    rise = smoothstep(ragged, -1.0, 26.0) ** 0.75 * style.thickness * (
        1 + 0.15 * shape
    ) + style.clump * clump * smoothstep(height, 2, 18)
    offset = np.where(ragged > 0, 1.2 + rise, -3.0 * smoothstep(ragged, 0.0, -2.0) + 1.2)
    cap = scalp + out * (offset / 1000.0)[..., None]
    surfaces = [_surface(cap, place * (0.9, 0.9, 0.14), colour, closed=True, keep=ragged > -6.0)]
    if style.fall > 0:
        surfaces.append(_curtain(cap, skull, style, colour, rng))
    return surfaces


def _surface(
    grid: FloatArray, coords: FloatArray, colour: FloatArray, closed: bool, keep: BoolArray | None = None
) -> Surface:
    """A grid (rows, columns, 3) m as a surface of hair that runs along the columns; ``keep`` (rows, columns)
    trims it."""
    rows, columns = grid.shape[:2]
    tangent = np.gradient(grid, axis=0)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True) + 1e-12
    faces = grid_faces(rows, columns, closed)
    if keep is not None:
        faces = faces[keep.reshape(-1)[faces].all(axis=1)]
    material = np.full(len(faces), MATERIALS.index("hair"), np.uint8)
    count = rows * columns
    tint = np.broadcast_to(colour, (count, 3)).astype(np.float32)
    return Surface(
        grid.reshape(count, 3).astype(np.float32),
        faces,
        material,
        coords.reshape(count, 3).astype(np.float32),
        tint,
        tangent=tangent.reshape(count, 3).astype(np.float32),
    )


def _curtain(
    cap: FloatArray, skull: Skull, style: HairStyle, colour: FloatArray, rng: np.random.Generator
) -> Surface:
    """Hair that hangs from the level of the temples down the sides and the back."""
    columns = np.flatnonzero((skull.azimuth > np.deg2rad(66)) & (skull.azimuth < np.deg2rad(294)))
    top_y = skull.centre[1] + 0.022
    rows = np.argmin(np.abs(cap[:, columns, 1] - top_y), axis=0)
    start = gaussian_filter1d(cap[rows, columns], 2.0, axis=0, mode="nearest")
    steps = 44
    down = np.linspace(0, 1, steps)[:, None]
    flat = np.stack([np.arange(len(columns)) * 4.0, np.zeros(len(columns)), np.full(len(columns), 5.0)], 1)
    length = (style.fall + 45 + 14 * noise_at(flat, 9.0, rng)) / 1000.0
    y = start[None, :, 1] + 0.004 - down * length
    middle = skull.centre * np.array([1.0, 0.0, 1.0])
    radial = start * np.array([1.0, 0.0, 1.0]) - middle
    pinch = 1.07 - 0.06 * np.sin(np.clip(down * length * 1000 / 140.0, 0, 1) * np.pi)
    border = np.minimum(np.arange(len(columns)), np.arange(len(columns))[::-1])
    pinch = pinch * (1 - 0.16 * np.exp(-border / 4.0))  # the front edge turns in, so that the hair has body
    place = np.stack(
        [
            np.broadcast_to(np.arange(len(columns)) * 3.6, y.shape),
            np.broadcast_to(down * length * 1000 * 0.14, y.shape),
            np.zeros_like(y),
        ],
        axis=-1,
    )
    clump = noise_at((place * (1.0, 0.5, 1.0)).reshape(-1, 3), style.clump_width, rng).reshape(y.shape)
    wave = noise_at((place * (0.35, 1.6, 1.0)).reshape(-1, 3), style.clump_width * 1.4, rng).reshape(y.shape)
    swell = 1 + (style.clump * clump + 0.5 * style.wave * wave * down) / 1000.0 / np.linalg.norm(
        radial, axis=1
    )
    grid = middle + radial[None] * (pinch * swell)[..., None]
    grid[..., 1] = y
    return _surface(grid, place, colour, closed=False)
