"""The nouns that pass between stages. One frozen dataclass each; its field names are the ``.npz`` keys.

Shapes use these letters: L landmarks, V vertices, F triangles, K model modes, N completions, H×W pixels,
T texels a side; in what moves T frames, J joints.
Units: metres, radians, pixels of the original photo (image corner at (0, 0), first pixel centre (0.5, 0.5)).
The head frame: metres, y up, the face looks along +z, subject's left at +x. Cameras as OpenCV: x right,
y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]

SCHEMES = {"mediapipe478": 478, "ibug68": 68}
SH_ORDER = "real: (0,0) (1,-1) (1,0) (1,1) (2,-2) (2,-1) (2,0) (2,1) (2,2)"


@dataclass(frozen=True)
class Step:
    """One entry of a file's history: what made it."""

    command: str
    facekit: str
    seed: int | None = None
    model: str | None = None  # name@sha256[:12] of the face model


@dataclass(frozen=True)
class Record:
    """Base of all records. ``history`` is provenance: it is stored, and ignored by comparisons."""

    KIND: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    history: tuple[Step, ...] = field(default=(), kw_only=True, compare=False)


@dataclass(frozen=True)
class Landmarks(Record):
    """Landmarks of one face in one photo. A missing landmark has NaN points and infinite sigma."""

    KIND: ClassVar[str] = "landmarks"

    scheme: str  # "mediapipe478" or "ibug68"
    points: FloatArray  # (L, 2) float32, px, x right, y down
    depth: FloatArray  # (L,) float32, px, the detector's relative depth, smaller is nearer; NaN for none
    sigma: FloatArray  # (L,) float32, px, standard deviation: spread under small perturbations of the crop
    hidden: BoolArray  # (L,) bool, under the occlusion mask
    score: float  # detector's confidence, 0 to 1; NaN if it has none
    box: FloatArray  # (4,) float32, px, x0 y0 x1 y1 of the face
    crop: FloatArray  # (3, 3) float64, homogeneous map from the detector's crop pixels to photo pixels
    image_size: IntArray  # (2,) int32, width, height
    detector: str  # "mediapipe", "face-alignment" or "imported"


@dataclass(frozen=True)
class Camera(Record):
    """A pinhole camera: px = K (R X + t), X in the head frame."""

    KIND: ClassVar[str] = "camera"

    K: FloatArray  # (3, 3) float64, px of the original photo
    R: FloatArray  # (3, 3) float64, head frame to camera frame
    t: FloatArray  # (3,) float64, m
    image_size: IntArray  # (2,) int32, width, height


@dataclass(frozen=True)
class Light(Record):
    """Distant light as nine real spherical harmonics per channel, for Lambert shading in linear RGB.

    shade(n) = sum_k A_k sh[k] Y_k(n) with Lambert factors A = (pi, 2 pi / 3, pi / 4) / pi; n in the head
    frame.
    """

    KIND: ClassVar[str] = "light"

    sh: FloatArray  # (9, 3) float32
    order: str = SH_ORDER


@dataclass(frozen=True)
class Code(Record):
    """Coefficients in standard deviations, so that the prior of each is N(0, 1)."""

    KIND: ClassVar[str] = "code"

    identity: FloatArray  # (K_identity,) float32
    expression: FloatArray  # (K_expression,) float32
    local: FloatArray  # (K_local,) float32, per-region modes, see morphable.local.body_of; else empty
    albedo: FloatArray  # (K_albedo,) float32; empty where there is no albedo model


@dataclass(frozen=True)
class Fit(Record):
    """A face model fitted to one photo: everything needed to render it again."""

    KIND: ClassVar[str] = "fit"

    model: str  # name of the face model
    model_sha256: str  # digest of its arrays
    code: Code
    arkit: FloatArray  # (53,) float32, expression as ARKit weights 0 to 1; empty where the model has none
    arkit_names: NDArray[np.str_]  # (53,) names of those weights
    camera: Camera
    light: Light
    vertices: FloatArray  # (V, 3) float32, m, head frame (head pose removed, expression kept)
    faces: IntArray  # (F, 3) int32
    visible: BoolArray  # (V,) bool, passes depth, facing and mask tests
    landmarks68: FloatArray  # (68, 3) float32, m, head frame
    landmarks68_2d: FloatArray  # (68, 2) float32, px
    landmarks: Landmarks  # what was fitted to
    covariance: FloatArray  # (K, K) float32, posterior of identity+expression(+local) given the photo
    photo_sha256: str  # digest of the photo's pixels
    outcome: str  # a sentence for the user
    stats: str  # JSON object: residuals, iterations


@dataclass(frozen=True)
class Ensemble(Record):
    """N different shapes that agree with a fit where the photo shows the face."""

    KIND: ClassVar[str] = "ensemble"

    model: str
    model_sha256: str
    method: str  # as given to --method
    codes: FloatArray  # (N, K) float32, in the method's own latent space
    vertices: FloatArray  # (N, V, 3) float32, m, head frame of the fit
    faces: IntArray  # (F, 3) int32
    landmarks68: FloatArray  # (N, 68, 3) float32, m
    hidden: BoolArray  # (V,) bool, hidden from the photo
    quality: FloatArray  # (N,) float32, the DPP's quality term, 0 to 1
    stats: str  # JSON object: self distances, iterations


@dataclass(frozen=True)
class Completion(Record):
    """N completed pictures and textures. Pictures are stored as patches; outside the mask the photo stays."""

    KIND: ClassVar[str] = "completion"

    window: IntArray  # (4,) int32, px, x0 y0 x1 y1 of the patches in the photo
    patches: ByteArray  # (N, h, w, 3) uint8 sRGB
    mask: BoolArray  # (h, w) bool, hidden pixels inside the window
    textures: ByteArray  # (N, T, T, 3) uint8 sRGB albedo; row 0 is the top of the UV square
    confidence: ByteArray  # (T, T) uint8, 255 seen in the photo, 128 copied from the mirror side, 0 invented
    image_size: IntArray  # (2,) int32, width, height
    photo_sha256: str
    stats: str  # JSON object: figures per completion


@dataclass(frozen=True)
class Motion(Record):
    """A body that moves: a tree of joints, and how each turns relative to its parent in every frame.

    World and rest pose: y up; at rest the body faces +z with its left at +x.
    """

    KIND: ClassVar[str] = "motion"

    clip: str  # its name
    subject: str  # who moves; "" where unknown
    fps: float  # frames per second
    joint_names: NDArray[np.str_]  # (J,) names, each parent before its children
    parents: IntArray  # (J,) int32, -1 for the root, which is first
    offsets: FloatArray  # (J, 3) float32, m, from the parent at rest; that of the root is not used
    rotations: FloatArray  # (T, J, 3) float32, axis-angle relative to the parent, the root's to the world
    root: FloatArray  # (T, 3) float32, m, position of the root joint


@dataclass(frozen=True)
class Headset(Record):
    """What a headset sees of its wearer: head, left hand and right hand, in this order. NaN where not seen.

    World as in Motion; a device at rest has the axes of the world: the head faces +z, hands as their joints.
    """

    KIND: ClassVar[str] = "headset"

    fps: float  # frames per second
    scale: float  # size of the wearer over that of the skeleton
    rotations: FloatArray  # (T, 3, 3, 3) float32, device to world
    positions: FloatArray  # (T, 3, 3) float32, m


@dataclass(frozen=True)
class FaceMotion(Record):
    """A driven avatar: the face of one person in every frame, in the head frame."""

    KIND: ClassVar[str] = "face-motion"

    clip: str  # its name
    subject: str  # whose avatar
    fps: float  # frames per second
    latents: FloatArray  # (T, Z) float32, the avatar's
    vertices: FloatArray  # (T, V, 3) float32, m
    faces: IntArray  # (F, 3) int32
    misfit: FloatArray  # (T,) float32, what is left of the objective of each frame's fit
