"""The stages that evaluate diversity runs on one case, with their results kept in its folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.completion.mesh_vae import MeshVAE
    from facekit.files.workspace import Workspace
    from facekit.morphable.model import FaceModel
    from facekit.records import Ensemble, Fit, Landmarks
    from facekit.stages.evaluate_diversity import Case


@dataclass
class Models:
    """The global face model and the global+local one made of it, which takes seconds."""

    whole: FaceModel

    @cached_property
    def local(self) -> FaceModel:
        """The global+local model."""
        from facekit.morphable.local import global_local

        return global_local(self.whole)


@dataclass
class CaseTools:
    """The stages on one case; fits are kept in the folder."""

    case: Case
    space: Workspace
    models: Models
    network: MeshVAE | None
    seed: int
    from_meshes: bool
    preset: str
    _fits: dict[str, Fit] = field(default_factory=dict)

    def fit(self, which: str) -> Fit:
        """The fit of one of FITS, from the folder where it is there."""
        if which not in self._fits:
            fit = self.space.fit(self.case.name, which)
            if fit is None:
                fit = self._mesh_fit(which) if self.from_meshes else self._photo_fit(which)
                self.space.keep_fit(self.case.name, which, fit)
            self._fits[which] = fit
        return self._fits[which]

    def _photo_fit(self, which: str) -> Fit:
        """The global model by landmarks and pixels; the same with local modes, as fit-3dmm does; the printed
        global+local model.
        """
        from facekit.metrics.tables import GLOBAL, PRINTED
        from facekit.stages.detect import redetect
        from facekit.stages.fit import fit_person, fit_photo

        photo, hidden, marks = self.case.photo, self.case.hidden, self._landmarks
        if which == GLOBAL:  # photos of one person move within the model
            return fit_person([photo], [marks], self.models.whole, [hidden], look_again=redetect)[0]
        model = self.models.local if which == PRINTED else self.models.whole
        return fit_photo(photo, marks, model, hidden, look_again=redetect)

    @cached_property
    def _landmarks(self) -> Landmarks:
        from facekit.stages.detect import detect_masked

        return detect_masked(self.case.photo, self.case.hidden)

    def _mesh_fit(self, which: str) -> Fit:
        from facekit.metrics.tables import GLOBAL_LOCAL, PRINTED
        from facekit.stages.evaluate_meshes import fit_mesh

        if self.case.truth is None or self.case.camera is None:
            raise UsageError(f"{self.case.name} has no truth; --from-meshes needs what synth photos writes")
        model = self.models.local if which == PRINTED else self.models.whole
        return fit_mesh(self.case.truth, self.case.camera, self.case.hidden, model, which == GLOBAL_LOCAL)

    def diversify(self, fit: Fit, method: str, n: int, k: float | None, n_sigma: float | None) -> Ensemble:
        """Completions of a fit, with the seed of the evaluation."""
        import torch

        from facekit.completion.approach import Approach
        from facekit.completion.presets import settings_of
        from facekit.completion.sampler import Choice
        from facekit.stages.diversify import diversify

        settings = settings_of(
            method,
            self.preset,
            k=Choice.k if k is None else k,
            n_sigma=Choice.n_sigma if n_sigma is None else n_sigma,
            photo=self.preset == "paper",
        )
        photo = self.case.photo if self.preset == "paper" else None
        generator = torch.Generator().manual_seed(self.seed)
        approach = Approach(method, settings, self.network, photo=photo)
        return diversify(fit, self.models.whole, n, generator, approach)
