"""One invented person in a dome: the mesh of every frame, light on its texels, and what each camera sees."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facekit.geometry.camera import centre, project_points
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import PARTS
from facekit.raster.fragments import rasterize_numpy
from facekit.records import BoolArray, ByteArray, Camera, FloatArray, IntArray
from facekit.synthetic.atlas import atlas_of, face_frame, gaussian
from facekit.synthetic.dome import Dome
from facekit.synthetic.face import TRUNCATION, off_span
from facekit.synthetic.gaze import turn_eyes
from facekit.synthetic.interplay import Interplay, sample_interplay
from facekit.synthetic.lids import tuck_eyes
from facekit.synthetic.light import ambient_occlusion, shadow_map
from facekit.synthetic.noise import noise_at
from facekit.synthetic.scene import smooth_normals
from facekit.synthetic.skin import Look, paint, sample_look
from facekit.synthetic.texel_shader import add_gloss, light_texels, paint_view, texel_trust, to_bytes
from facekit.synthetic.wrinkles import Groove, draw_wrinkles
from facekit.texture.chart import Chart, chart_of

OVERSAMPLING = 2
FINER = 2  # texels are lit on a chart this many times as fine as the stored textures
BACKDROP = 0.012  # linear grey of the dark dome
BUMP = 0.05  # of the skin's normals
BLUSH = np.array([0.05, 0.24, 0.20], np.float32)  # what stretched skin loses of its red cast, per log of area
OFF_SPAN = (0.0005, 0.0010)  # m


@dataclass(frozen=True)
class Subject:
    """Who is captured. N texels of the chart on which light is computed."""

    model: FaceModel
    neutral: FloatArray  # (V, 3) float64, m
    shapes: FloatArray  # (E, 3V) float32, m at weight 1
    interplay: Interplay
    look: Look
    chart: Chart
    source: IntArray  # (S*S,) texel whose colour each place of the texture repeats
    albedo: FloatArray  # (N, 3) float32, linear RGB
    gloss: FloatArray  # (N, 2) float32, strength and exponent
    bump: FloatArray  # (N, 3) float32, added to the normals
    skin: BoolArray  # (N,)
    blush: FloatArray  # (N,) float32, where blood comes and goes
    grooves: list[Groove]
    corners: FloatArray  # (F, 3, 2) float32, UV
    area: FloatArray  # (F,) float64, m², of the neutral triangles


@dataclass(frozen=True)
class LitFrame:
    """A frame as it is lit, on the texels."""

    vertices: FloatArray  # (V, 3) float32, m, head frame
    points: FloatArray  # (N, 3) float32, m
    normals: FloatArray  # (N, 3) float32
    matt: FloatArray  # (N, 3) float32, linear RGB
    reach: FloatArray  # (N, L) float32, how much of each lamp arrives
    lamps: tuple[FloatArray, FloatArray, FloatArray]  # directions in the head frame, colours, ambient


@dataclass(frozen=True)
class Seen:
    """What one camera sees of a frame."""

    image: FloatArray  # (H, W, 3) float32, linear RGB
    mask: BoolArray  # (H, W)
    colour: FloatArray  # (N, 3) float32, linear RGB of all texels from there
    trust: FloatArray  # (N,) float32, 0 not seen .. 1


def sample_subject(model: FaceModel, texture_size: int, rng: np.random.Generator) -> Subject:
    """A random person for textures of ``texture_size``: one identity, one skin, the wrinkles of that skin."""
    identity = model.block("identity")
    code = np.zeros(model.size)
    code[identity.slice] = np.clip(rng.standard_normal(identity.size), -TRUNCATION, TRUNCATION)
    neutral = model.instance(code) + off_span(model, float(rng.uniform(*OFF_SPAN)), rng)
    modes = model.basis[model.block("expression").slice].reshape(len(model.expression_names), -1)
    shapes = (modes / model.expression_scale[: len(modes), None]).astype(np.float32)
    look, chart = _visible_look(rng), chart_of(model.topology, FINER * texture_size)
    places, _ = face_frame(model)
    points = chart.at(places)
    part = model.topology.parts[chart.corners[:, 0]]
    skin = part == PARTS.index("skin")
    order = chart.pad(chart.image(np.arange(len(chart.index), dtype=np.float64)))
    return Subject(
        model,
        neutral,
        shapes,
        sample_interplay(model.expression_names, shapes, places, _soft(model), rng),
        look,
        chart,
        order.ravel().astype(np.int64),
        _albedo(model, look, chart),
        _gloss(points, part, rng),
        BUMP * np.stack([noise_at(points, 1.6, rng) for _ in range(3)], axis=1) * skin[:, None],
        skin,
        gaussian(points, (38.0, -35.0), (24.0, 20.0)) + gaussian(points, (0.0, -32.0), (12.0, 12.0)),
        draw_wrinkles(points, model.expression_names, rng),
        model.topology.uv[model.topology.uv_faces].astype(np.float32),
        _areas(neutral, model.topology.faces),
    )


def _soft(model: FaceModel) -> FloatArray:
    """(V,) 0 at eyes, teeth and lids, which must go on meeting each other, 1 elsewhere on the skin."""
    points, _ = face_frame(model)
    lids = gaussian(points, (31.0, 0.0), (15.0, 9.0))
    return model.topology.part("skin") * (1 - np.minimum(1.5 * lids, 1.0))


def _visible_look(rng: np.random.Generator) -> Look:
    """A look without the extremes in which no shading shows."""
    while True:
        look = sample_look(rng)
        if look.melanin < 5.0 and look.hairline.cover > 0.5:
            return look


def _albedo(model: FaceModel, look: Look, chart: Chart) -> FloatArray:
    fine = paint(atlas_of(model, 2 * chart.size), look)
    image = cv2.resize(fine, (chart.size, chart.size), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image.reshape(-1, 3)[chart.index], np.float32)


def _gloss(points: FloatArray, part: IntArray, rng: np.random.Generator) -> FloatArray:
    """Oily forehead and nose, moist lips and eyes, uneven everywhere."""
    oily = gaussian(points, (0.0, 45.0), (30.0, 18.0)) + 1.3 * gaussian(points, (0.0, -25.0), (9.0, 18.0))
    oily += 0.6 * gaussian(points, (38.0, -22.0), (16.0, 10.0)) + 0.5 * gaussian(points, (0.0, -100.0), 10.0)
    moist = gaussian(points, (0.0, -68.0), (20.0, 7.0))
    patchy = 1 + 0.25 * noise_at(points, 6.0, rng)
    strength = (0.30 + 0.65 * oily + 0.8 * moist) * rng.uniform(0.7, 1.3) * patchy * (points[:, 2] > -75)
    exponent = 14.0 + 14.0 * moist + 8.0 * oily
    for name, shine, sharp in (
        ("left_eye", 1.6, 90.0),
        ("right_eye", 1.6, 90.0),
        ("mouth", 0.5, 40.0),
        ("teeth", 0.7, 50.0),
        ("socket", 0.2, 20.0),
    ):
        rows = part == PARTS.index(name)
        strength[rows], exponent[rows] = shine, sharp
    return np.stack([strength, exponent], axis=1).astype(np.float32)


def _areas(vertices: FloatArray, faces: IntArray) -> FloatArray:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 + 1e-12


def pose_mesh(subject: Subject, weights: FloatArray) -> FloatArray:
    """The mesh (V, 3) float32, m, of ARKit weights (E,): turned eyes, lids that do not cut into them."""
    topology = subject.model.topology
    offset = weights @ subject.shapes + subject.interplay(weights)
    moved = subject.neutral + offset.reshape(-1, 3)
    turned = turn_eyes(topology, moved, subject.neutral)
    return tuck_eyes(topology, turned).astype(np.float32)


def light_frame(
    subject: Subject, vertices: FloatArray, weights: FloatArray, flush: float, dome: Dome, head: FloatArray
) -> LitFrame:
    """Light on the texels of a mesh (V, 3) with ARKit weights (E,), head pose (3, 4)."""
    topology, chart = subject.model.topology, subject.chart
    smooth = smooth_normals(vertices, topology.faces)
    free = ambient_occlusion(vertices, smooth, topology.faces)
    normals, albedo = _wrinkle(subject, chart.at(smooth), weights)
    albedo *= _blood(subject, vertices, flush)
    points = np.ascontiguousarray(chart.at(vertices), np.float32)
    directions = np.ascontiguousarray(dome.directions @ head[:, :3], np.float32)
    lamps = (directions, dome.colours, dome.ambient)
    shadow = shadow_map(vertices, topology.faces, directions[0])
    matt, reach = np.zeros_like(points), np.zeros((len(points), len(directions)), np.float32)
    open_sky = np.ascontiguousarray(chart.at(free), np.float32)
    light_texels(points, normals, albedo, open_sky, lamps, shadow, matt, reach)
    return LitFrame(vertices, points, normals, matt, reach, lamps)


def _wrinkle(subject: Subject, normals: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Normals (N, 3) bent and albedo (N, 3) darkened by the wrinkles that the weights wake."""
    bent = normals + subject.bump
    albedo = subject.albedo.copy()
    for groove in subject.grooves:
        strength = groove.activation(weights)
        if strength <= 0:
            continue
        rows = groove.rows
        normal = normals[rows]
        slope = groove.slope - (groove.slope * normal).sum(axis=1, keepdims=True) * normal
        bent[rows] -= strength * slope
        albedo[rows] *= 1 - strength * groove.dark[:, None] * np.array([0.75, 1.0, 1.05], np.float32)
    bent /= np.linalg.norm(bent, axis=1, keepdims=True) + 1e-9
    return np.ascontiguousarray(bent, np.float32), albedo


def _blood(subject: Subject, vertices: FloatArray, flush: float) -> FloatArray:
    """(N, 3) factors: pressed skin is redder, stretched skin paler; cheeks and nose redder with ``flush``."""
    faces = subject.model.topology.faces
    ratio = np.log(_areas(vertices.astype(np.float64), faces) / subject.area)
    total = np.zeros(len(vertices))
    count = np.zeros(len(vertices))
    for corner in range(3):
        total += np.bincount(faces[:, corner], ratio, len(vertices))
        count += np.bincount(faces[:, corner], minlength=len(vertices))
    stretch = np.clip(subject.chart.at(total / np.maximum(count, 1)), -0.4, 0.4)
    amount = stretch[:, None] * BLUSH - flush * subject.blush[:, None] * np.array([0.01, 0.05, 0.035])
    return np.where(subject.skin[:, None], np.exp(amount), 1.0).astype(np.float32)


def see(subject: Subject, frame: LitFrame, camera: Camera) -> Seen:
    """The frame through a camera (head frame)."""
    width, height = (int(n) for n in camera.image_size)
    colour = frame.matt.copy()
    eye = np.ascontiguousarray(centre(camera), np.float32)
    add_gloss(frame.points, frame.normals, subject.gloss, frame.reach, frame.lamps, eye, colour)
    screen = project_points(camera, frame.vertices).astype(np.float32)
    screen[:, :2] *= OVERSAMPLING
    size = (height * OVERSAMPLING, width * OVERSAMPLING)
    fragments = rasterize_numpy(screen[None], subject.model.topology.faces, size)
    image = np.full((height, width, 3), BACKDROP, np.float32)
    mask = np.zeros((height, width), bool)
    wide = texture_image(subject, colour)
    paint_view(fragments.pix_to_face[0], fragments.bary[0], subject.corners, wide, image, mask)
    trust = np.zeros(len(colour), np.float32)
    placed = (camera.K, camera.R, camera.t)
    texel_trust(frame.points, frame.normals, placed, fragments.depth[0], float(OVERSAMPLING), trust)
    return Seen(image, mask, colour, trust)


def texture_image(subject: Subject, colour: FloatArray) -> FloatArray:
    """Texel colours (N, 3) as a picture (S, S, 3), padded around the islands."""
    size = subject.chart.size
    return np.ascontiguousarray(colour[subject.source].reshape(size, size, 3))


def mean_texture(subject: Subject, seen: list[Seen], rest: FloatArray, size: int) -> ByteArray:
    """The mean (size, size, 3) uint8 sRGB of what the cameras saw; ``rest`` (N, 3) linear where none did."""
    total = 0.02 * rest
    weight = np.full(len(rest), 0.02, np.float32)
    for one in seen:
        total += one.trust[:, None] * one.colour
        weight += one.trust
    wide = texture_image(subject, (total / weight[:, None]).astype(np.float32))
    return to_bytes(np.asarray(cv2.resize(wide, (size, size), interpolation=cv2.INTER_AREA)))
