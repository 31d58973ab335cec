"""What evaluate completion runs on one case, and how its cases are read."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from facekit.texture.options import TextureOptions

if TYPE_CHECKING:
    import numpy as np

    from facekit.completion.approach import Approach
    from facekit.files.cases import CaseFiles, WholeFiles
    from facekit.files.workspace import Workspace
    from facekit.morphable.model import FaceModel
    from facekit.records import ByteArray, Ensemble, Fit, FloatArray
    from facekit.stages.evaluate_completion import Case, Completed, Variant

MASKS = ("mouth", "sunglasses", "side", "random")  # that can be drawn; random ones are rectangles
FIT = "completion"
WEIGHTS = ("albedo", "expected", "inpainter", "mesh_vae")  # of the package, on which completions depend


@dataclass(frozen=True)
class KeptCase:
    """What the folder keeps of one case."""

    space: Workspace
    name: str

    def figures(self) -> dict[str, Any]:
        """Those so far."""
        return self.space.known(self.name)

    def keep(self, figures: dict[str, Any]) -> None:
        """Put them in place of the earlier ones."""
        self.space.keep(self.name, figures)

    def picture(self, method: str) -> ByteArray | None:
        """What is looked at of a method's picture."""
        return self.space.picture(self.name, method)

    def keep_picture(self, method: str, picture: ByteArray) -> None:
        """Keep it."""
        self.space.keep_picture(self.name, method, picture)


@dataclass
class CaseTools:
    """The stages on one case; its fit is kept in the folder."""

    case: Case
    space: Workspace
    model: FaceModel
    approach: Approach  # to the shapes
    seed: int
    _shapes: dict[Variant, tuple[Fit, Ensemble]] = field(default_factory=dict)  # by what they come from

    def complete(self, variant: Variant) -> Completed:
        """The first completion of the case's photo, with the seed of the evaluation."""
        import torch

        from facekit.stages.complete import complete
        from facekit.stages.evaluate_completion import Completed
        from facekit.texture.patch import paste

        fit, ensemble = self._shape(variant)
        photo, hidden, generator = self.case.photo, self.case.hidden, torch.Generator().manual_seed(self.seed)
        made = complete(photo, hidden, fit, ensemble, self.model, generator, options=variant.options)
        return Completed(paste(photo, made, 0), fit.vertices, fit.visible)

    def _shape(self, variant: Variant) -> tuple[Fit, Ensemble]:
        """The fit and its first completion by the default method; before any refinement, pictures do not
        matter to them.
        """
        import torch

        from facekit.pipeline import refit
        from facekit.stages.diversify import diversify

        key = replace(variant, options=TextureOptions()) if variant.rounds == 1 else variant
        if key not in self._shapes:
            fit = self._start
            for _ in range(variant.rounds - 1):
                fit = refit(self.case.photo, self.case.hidden, fit, self.model, variant.options)
            generator = torch.Generator().manual_seed(self.seed)
            self._shapes[key] = fit, diversify(fit, self.model, 1, generator, self.approach)
        return self._shapes[key]

    @cached_property
    def _start(self) -> Fit:
        """The fit before any refinement."""
        from facekit.stages.detect import detect_masked, redetect
        from facekit.stages.fit import fit_photo

        fit = self.space.fit(self.case.name, FIT)
        if fit is None:
            photo, hidden = self.case.photo, self.case.hidden
            fit = fit_photo(photo, detect_masked(photo, hidden), self.model, hidden, look_again=redetect)
            self.space.keep_fit(self.case.name, FIT, fit)
        return fit


def usual_approach(model: FaceModel) -> Approach:
    """The default method, with its network read once for all cases."""
    from facekit.cli.networks import method_and_network
    from facekit.completion.approach import Approach

    method, network = method_and_network(None, None, model)
    return Approach(method, network=network)


def weights_digest() -> str:
    """Of the packaged weights that completions depend on, 12 digits."""
    from facekit.files.assets import asset, has_asset
    from facekit.files.reading import read_bytes

    found = hashlib.sha256()
    for name in (f"{stem}.safetensors" for stem in WEIGHTS):
        found.update(read_bytes(asset(name)) if has_asset(name) else b"")
    return found.hexdigest()[:12]


def read_case(files: CaseFiles, model: FaceModel) -> Case:
    """A photo with a mask, and the same photo whole. Raises UnreadableError, UsageError where they do not
    belong together, NoFaceError where even the whole photo shows no face.
    """
    from facekit.errors import UsageError
    from facekit.files.cases import read_pictures, read_truth
    from facekit.files.images import read_photo
    from facekit.stages.evaluate_completion import Case, covered, face_of

    photo, hidden = read_pictures(files)
    if files.whole is None:
        raise UsageError(
            f"there is no whole photo beside {files.photo}, which the completions are compared with"
        )
    whole = photo if files.whole == files.photo else read_photo(files.whole).pixels
    if whole.shape != photo.shape:
        raise UsageError(f"{files.whole} and {files.photo} are of different sizes; they must be one photo")
    kind, truth = read_truth(files, model)
    face = face_of(_mesh(whole), (whole.shape[0], whole.shape[1]))
    shown = covered(photo, hidden) if whole is photo else photo
    return Case(files.name, kind, shown, hidden, whole, face, None if truth is None else truth.vertices)


def draw_case(files: WholeFiles, kind: str, model: FaceModel, seed: int) -> Case:
    """A whole photo with a mask of one of MASKS drawn where its face is. Raises NoFaceError."""
    import numpy as np

    from facekit.files.cases import read_truth
    from facekit.files.images import read_photo
    from facekit.stages.demo import draw_mask
    from facekit.stages.evaluate_completion import Case, covered, face_of, random_mask

    whole = read_photo(files.photo).pixels
    points, size = _mesh(whole), (whole.shape[0], whole.shape[1])
    name = f"{files.name}_{kind}"
    if kind == "random":
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        hidden = random_mask(points, size, rng)
    else:
        hidden = draw_mask(kind, _ibug68(points), size)
    truth = read_truth(files, model)[1]
    shape = None if truth is None else truth.vertices
    return Case(name, kind, covered(whole, hidden), hidden, whole, face_of(points, size), shape)


def _mesh(photo: np.ndarray) -> FloatArray:
    """The points (468, 2) of the face mesh, less the irises."""
    from facekit.detection.schemes import OUTLINE
    from facekit.stages.detect import detect

    (landmarks,) = detect(photo)
    return landmarks.points[OUTLINE[landmarks.scheme]]


def _ibug68(points: FloatArray) -> FloatArray:
    """The 68 points (68, 2) as means of those of the mesh."""
    import numpy as np

    from facekit.detection.schemes import MESH_OF_IBUG68

    return np.stack([points[list(group)].mean(0) for group in MESH_OF_IBUG68])
