"""Photos of synthetic faces with everything known about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facekit.geometry.camera import FLIP, centre, focal_from_fov, intrinsics, project_points
from facekit.geometry.rotation import euler_to_matrix
from facekit.morphable.model import FaceModel
from facekit.raster.fragments import Fragments, rasterize_numpy
from facekit.records import BoolArray, ByteArray, Camera, FloatArray, IntArray
from facekit.synthetic.atlas import face_frame
from facekit.synthetic.background import sample_background
from facekit.synthetic.body import bust
from facekit.synthetic.chance import between, numpy_generator
from facekit.synthetic.face import SyntheticFace
from facekit.synthetic.hair import hair_surfaces
from facekit.synthetic.lens import expose, exposure, sample_lens
from facekit.synthetic.lids import tuck_eyes
from facekit.synthetic.light import Lamps, ambient_occlusion, sample_lamps, shadow_map
from facekit.synthetic.occluders import SOLID, check_kind, draw_occluder, grow, occluder_surfaces
from facekit.synthetic.scene import MATERIALS, Scene, Surface, face_surface, merge, refine
from facekit.synthetic.shading import Lighting, shade_scene

if TYPE_CHECKING:
    import torch

OVERSAMPLING = 2


@dataclass(frozen=True)
class PhotoOptions:
    """Ranges of the photos. Angles in degrees."""

    size: int = 512  # px, square
    yaw: float = 45.0
    pitch: float = 20.0
    roll: float = 12.0
    fov: tuple[float, float] = (15.0, 45.0)
    occluder: str | None = None  # a name of occluders.KINDS
    wild: float = (
        1.0  # 0 a clean studio photo .. 1 randomised beyond reality (noise, blur, colour cast, JPEG)
    )


@dataclass(frozen=True)
class SyntheticPhoto:
    """A photo and its truth."""

    image: ByteArray  # (H, W, 3) uint8 sRGB
    vertices: FloatArray  # (V, 3) float32, m, head frame
    camera: Camera
    skin: BoolArray  # (H, W) bool, pixels that show skin of the face model (not hair, cloth, eyes)
    region: ByteArray  # (H, W) uint8, 0 background, 1 + index into scene.MATERIALS
    mask: BoolArray | None = None  # (H, W) bool, hidden by the occluder
    occluded: ByteArray | None = (
        None  # (H, W, 3) uint8, the photo with the occluder; equal to image outside the mask
    )


def sample_camera(
    face: SyntheticFace, model: FaceModel, rng: np.random.Generator, options: PhotoOptions
) -> Camera:
    """A camera that holds the head, from a random side."""
    spread = np.array([options.yaw, options.pitch, options.roll])
    angles = np.deg2rad(np.clip(rng.normal(0, 0.55 * spread), -spread, spread))
    R = FLIP @ euler_to_matrix(angles)
    size = options.size
    focal = focal_from_fov(np.deg2rad(between(rng, *options.fov)), size)
    marks = model.topology.embeddings["ibug68"].points(face.vertices.astype(np.float64))
    middle = (marks[36:48].mean(axis=0) + marks[8]) / 2 - np.array([0.0, 0.0, 0.03])
    length = float(np.linalg.norm(marks[27] - marks[8]))  # bridge of the nose to the chin
    distance = focal * length / (size * between(rng, 0.24, 0.42))
    aim = np.array([rng.normal(0, 0.05), rng.normal(0.05, 0.05)]) * size
    t = np.array([aim[0] * distance / focal, aim[1] * distance / focal, distance]) - R @ middle
    return Camera(K=intrinsics(focal, (size, size)), R=R, t=t, image_size=np.array([size, size], np.int32))


def build_scene(model: FaceModel, face: SyntheticFace) -> list[Surface]:
    """The face, its bust and its hair as surfaces; the face comes first."""
    coords, _ = face_frame(model)
    surfaces = [face_surface(model.topology, tuck_eyes(model.topology, face.vertices), coords)]
    surfaces += bust(model.topology, face.vertices, coords, face.cloth[:3])
    surfaces += hair_surfaces(model, face.vertices, face.look.hairline, face.hair, np.array(face.look.hair))
    return surfaces


def _rasterize(scene: Scene, camera: Camera) -> Fragments[FloatArray]:
    screen = project_points(camera, scene.vertices).astype(np.float32)
    screen[:, :2] *= OVERSAMPLING
    width, height = (int(n) * OVERSAMPLING for n in camera.image_size)
    return rasterize_numpy(screen[None], scene.faces, (height, width))


def _occlusion(model: FaceModel, scene: Scene) -> FloatArray:
    """Ambient occlusion (V,) of a scene whose first surface is the refined face, measured on the unrefined
    one."""
    coarse = len(model.mean)
    fine = scene.starts[1] if len(scene.starts) > 1 else len(scene.vertices)
    keep = np.r_[0:coarse, fine : len(scene.vertices)]
    others = scene.faces[scene.owner > 0] - (fine - coarse)
    faces = np.concatenate([model.topology.faces, others]).astype(np.int32)
    found = ambient_occlusion(scene.vertices[keep], scene.normals[keep], faces)
    free = np.zeros(len(scene.vertices), np.float32)
    free[keep] = found
    free[coarse:fine] = found[refine(model.topology).edges].mean(axis=1)
    eye = np.unique(scene.faces[scene.material == MATERIALS.index("eye")])
    free[eye] = 0.25 + 0.75 * free[eye]
    return free


def render_linear(
    model: FaceModel,
    scene: Scene,
    face: SyntheticFace,
    camera: Camera,
    lamps: Lamps,
    background: FloatArray,
) -> tuple[FloatArray, IntArray]:
    """The scene in linear RGB (H, W, 3) float32, and the face seen by each subpixel (2H, 2W) int32, -1
    background."""
    fragments = _rasterize(scene, camera)
    rotation = (FLIP @ camera.R).astype(np.float32)
    shadow, placing = shadow_map(scene.vertices, scene.faces, lamps.key @ rotation)
    lighting = Lighting(lamps, rotation, centre(camera), shadow, placing, _occlusion(model, scene))
    height, width = fragments.pix_to_face.shape[1:]
    image = np.asarray(cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    shade_scene(scene, fragments, face.albedo, face.cloth, lighting, image)
    small = (width // OVERSAMPLING, height // OVERSAMPLING)
    reduced = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.float32)
    return reduced, np.asarray(fragments.pix_to_face[0], np.int32)


def face_pixels(model: FaceModel, found: IntArray, skin: BoolArray) -> BoolArray:
    """(H, W) bool: skin where people look, of the face found at each pixel; all skin for a model without
    regions."""
    weight = model.topology.regions.get("narrow_face")
    if weight is None:
        return skin
    inner = weight[model.topology.faces].mean(axis=1) > 0.5
    return np.asarray(skin & inner[found % len(inner)])


def render_photo(
    model: FaceModel, face: SyntheticFace, generator: torch.Generator, options: PhotoOptions | None = None
) -> SyntheticPhoto:
    """A photo of ``face`` with a random camera, light, background and lens. Same generator state, same bytes.

    Raises UsageError for an unknown occluder.
    """
    options = options or PhotoOptions()
    rng = numpy_generator(generator)
    camera = sample_camera(face, model, rng, options)
    lamps = sample_lamps(rng)
    background = sample_background(options.size, rng)
    lens = sample_lens(rng, options.wild)
    surfaces = build_scene(model, face)
    scene = merge(surfaces)
    linear, found = render_linear(model, scene, face, camera, lamps, background)
    small = found[1::OVERSAMPLING, 1::OVERSAMPLING]
    material = np.where(small >= 0, scene.material[small], -1).astype(np.int16)
    skin = material == MATERIALS.index("skin")
    factor = exposure(linear, skin, lens)
    image = expose(linear, factor, lens)
    photo = SyntheticPhoto(image, face.vertices, camera, skin, (material + 1).astype(np.uint8))
    if options.occluder is None:
        return photo
    check_kind(options.occluder)
    if options.occluder in SOLID:
        surfaces += occluder_surfaces(model, face.vertices, options.occluder, rng)
        scene = merge(surfaces)
        covered, found = render_linear(model, scene, face, camera, lamps, background)
        added = (found >= 0) & (scene.material[found] >= MATERIALS.index("lens"))
        cover = cv2.resize(
            added.astype(np.float32), (options.size, options.size), interpolation=cv2.INTER_AREA
        )
    else:
        points = model.topology.embeddings["ibug68"].points(face.vertices.astype(np.float64))
        marks, inner = project_points(camera, points)[:, :2], face_pixels(model, small, skin)
        covered, cover = draw_occluder(linear, inner, marks, options.occluder, rng)
    mask = grow(cover, lens.blur)
    occluded = np.where(mask[..., None], expose(covered, factor, lens), image)
    return replace(photo, mask=mask, occluded=occluded)
