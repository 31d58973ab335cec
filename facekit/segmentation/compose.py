"""Training pictures: a face cut out, things drawn before and around it, and a camera's faults on top."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from facekit.detection.crops import Placement, transform
from facekit.records import ByteArray, FloatArray
from facekit.segmentation import distract
from facekit.segmentation.align import aligned
from facekit.segmentation.examples import BACKGROUND, FACE, OCCLUDER, UNKNOWN, Example, flipped
from facekit.synthetic.chance import between, one_of
from facekit.synthetic.cloth import cloth_mask, scarf
from facekit.synthetic.drawn import Drawn, Setting, over
from facekit.synthetic.hand import hand
from facekit.synthetic.spectacles import spectacles
from facekit.synthetic.strands import strands
from facekit.synthetic.things import cup, microphone, patch, phone

Draw = Callable[[Setting, np.random.Generator], Drawn]
OCCLUDERS: dict[str, Draw] = {
    "hand": hand, "hair": strands, "scarf": scarf, "cloth": cloth_mask, "phone": phone, "cup": cup,
    "microphone": microphone, "patch": patch, "glasses": spectacles,
}  # fmt: skip
SHARES = {"none": 0.24, "hand": 0.20, "hair": 0.10, "scarf": 0.07, "cloth": 0.10, "phone": 0.05, "cup": 0.05,
          "microphone": 0.05, "patch": 0.14, "glasses": 0.15}  # fmt: skip
HIDES, SHOWS = 0.5, 0.28  # cover from which the thing counts, and up to which what is behind it does
TOUCHES = 0.01  # of the face: a thing that hides less of it is not in front of it


def training_picture(example: Example, side: int, rng: np.random.Generator) -> tuple[ByteArray, ByteArray]:
    """One picture (S, S, 3) uint8 sRGB and its labels (S, S) uint8, varied anew by ``rng``."""
    if rng.random() < 0.5:
        example = flipped(example)
    image, labels, landmarks = cut(example, sample_placement(example.landmarks, rng), side)
    linear = (image.astype(np.float32) / 255) ** 2
    setting = Setting.of(linear, landmarks, rng)
    linear, labels = _surroundings(linear, labels, setting, rng)
    linear = _on_the_skin(linear, labels, setting, rng)
    times = 1 + (rng.random() < 0.15) if example.bare else int(rng.random() < 0.15)
    for _ in range(int(times)):
        kind = one_of(rng, SHARES)
        if kind != "none":
            linear, labels = occlude(linear, labels, OCCLUDERS[kind](setting, rng), rng)
    if rng.random() < 0.3:
        linear = distract.shadow(linear, setting, rng)
    return camera(np.sqrt(np.clip(linear, 0, 1)), rng), labels


def sample_placement(landmarks: FloatArray, rng: np.random.Generator) -> Placement:
    """The aligned square, placed as badly as landmarks behind an occluder place it."""
    shift = rng.normal(0, 0.035, 2)
    scale, turn = float(np.exp(rng.normal(0, 0.09))), rng.normal(0, 0.09)
    return aligned(landmarks).moved((shift[0], shift[1]), scale, turn)


def cut(example: Example, placement: Placement, side: int) -> tuple[ByteArray, ByteArray, FloatArray]:
    """Image, labels and landmarks of a square of ``side`` px; outside the photo black and UNKNOWN."""
    inverse = np.linalg.inv(placement.matrix(side))
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    centred = (np.linalg.inv(half) @ inverse @ half)[:2]
    image, shrink = example.image, side / placement.side
    if shrink < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / shrink)
    image = cv2.warpAffine(image, centred, (side, side), flags=cv2.INTER_LINEAR)
    labels = cv2.warpAffine(
        example.labels, centred, (side, side), flags=cv2.INTER_NEAREST, borderValue=(UNKNOWN,)
    )
    return image, labels, transform(inverse, np.asarray(example.landmarks, np.float64))


def occlude(
    linear: FloatArray, labels: ByteArray, drawn: Drawn, rng: np.random.Generator
) -> tuple[FloatArray, ByteArray]:
    """The picture with something before it, often with a soft shadow beside it, and the labels."""
    covered = drawn.cover >= HIDES
    face = labels == FACE
    seen = (covered & face).sum() >= TOUCHES * max(int(face.sum()), 1)
    if rng.random() < 0.5:
        sigma = between(rng, 0.01, 0.05) * len(labels)
        shifted = np.roll(drawn.cover, rng.integers(-4, 5, 2), (0, 1))
        dark = cv2.GaussianBlur(shifted, (0, 0), sigma) * between(rng, 0.1, 0.6)
        linear = linear * (1 - dark[..., None])
    labels = labels.copy()
    labels[(drawn.cover > SHOWS) & ~covered] = UNKNOWN
    labels[covered] = OCCLUDER if seen else BACKGROUND
    return over(linear, drawn), labels


def _surroundings(
    linear: FloatArray, labels: ByteArray, setting: Setting, rng: np.random.Generator
) -> tuple[FloatArray, ByteArray]:
    """Other things behind the head, or a hat on it."""
    free = labels == BACKGROUND
    if rng.random() < 0.12:
        linear = distract.behind(linear, setting, free, rng)
    if rng.random() < 0.15:
        linear, worn = distract.hat(linear, setting, free, rng)
        labels = np.where(worn & (labels != OCCLUDER), BACKGROUND, labels).astype(np.uint8)
    return linear, labels


def _on_the_skin(
    linear: FloatArray, labels: ByteArray, setting: Setting, rng: np.random.Generator
) -> FloatArray:
    """Beard, shadow, paint: of the face itself, so under what is before it already."""
    before = linear
    if rng.random() < 0.3:
        linear = distract.beard(linear, setting, rng)
    if rng.random() < 0.25:
        linear = distract.shadow(linear, setting, rng)
    if rng.random() < 0.25:
        linear = distract.paint(linear, setting, rng)
    return np.where((labels == OCCLUDER)[..., None], before, linear).astype(np.float32)


def camera(image: FloatArray, rng: np.random.Generator) -> ByteArray:
    """An sRGB picture (S, S, 3) in 0..1 as cameras, painters, printers and networks pass it on."""
    image = _toned(image, rng)
    side = len(image)
    if rng.random() < 0.10:  # brush strokes
        flat = cv2.medianBlur((image * 255).astype(np.uint8), int(rng.choice([3, 5, 7]))).astype(np.float32)
        rough = cv2.resize(rng.standard_normal((side // 2, side)).astype(np.float32), (side, side))
        image = flat / 255 * (1 + between(rng, 0, 0.12) * rough[..., None])
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), between(rng, 0.4, 1.8) * side / 160)
    elif rng.random() < 0.25:
        image = image + between(rng, 0.3, 1.5) * (image - cv2.GaussianBlur(image, (0, 0), 1.2))
    if rng.random() < 0.2:
        small = int(side * between(rng, 0.3, 0.8))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    if rng.random() < 0.5:
        image = image + between(rng, 0.0, 0.07) * rng.standard_normal((side, side, 1 + 2 * rng.integers(2)))
    out = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])
        out = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return out


def _toned(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Other exposure, contrast, saturation, colour cast; grey or sepia now and then."""
    grey = image.mean(axis=-1, keepdims=True)
    saturation = 0.0 if rng.random() < 0.15 else float(np.exp(rng.normal(0, 0.35)))
    image = np.clip(grey + saturation * (image - grey), 0, 1) * np.exp(rng.normal(0, 0.14, 3))
    gamma = np.exp(rng.normal(0, 0.35))
    low, high = rng.uniform(0, 0.12), rng.uniform(0.75, 1.1)
    return np.asarray(low + (high - low) * np.clip(image, 0, 1) ** gamma, np.float32)
