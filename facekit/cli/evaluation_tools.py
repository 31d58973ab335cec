"""The stages that evaluate diversity runs on one case, with their results kept in its folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

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

    def named(self, which: str) -> FaceModel:
        """The model of one of FITS."""
        return self.whole if which == "global" else self.local


class CaseTools:
    """The stages on one case; fits are kept in the folder."""

    def __init__(
        self, case: Case, space: Workspace, models: Models, network: MeshVAE | None, seed: int
    ) -> None:
        self.case, self.space, self.models, self.network, self.seed = case, space, models, network, seed
        self._landmarks: Landmarks | None = None
        self._fits: dict[str, Fit] = {}

    def fit(self, which: str) -> Fit:
        """The fit of one of FITS, from the folder where it is there."""
        from facekit.stages.detect import detect_masked, redetect
        from facekit.stages.fit import fit_photo

        case = self.case
        if which not in self._fits:
            fit = self.space.fit(case.name, which)
            if fit is None:
                self._landmarks = self._landmarks or detect_masked(case.photo, case.hidden)
                model = self.models.named(which)
                fit = fit_photo(case.photo, self._landmarks, model, case.hidden, look_again=redetect)
                self.space.keep_fit(case.name, which, fit)
            self._fits[which] = fit
        return self._fits[which]

    def diversify(self, fit: Fit, method: str, n: int, k: float | None, n_sigma: float | None) -> Ensemble:
        """Completions of a fit, with the seed of the evaluation."""
        import torch

        from facekit.completion.sampler import Diversity
        from facekit.stages.diversify import diversify

        plain = Diversity()
        settings = replace(
            plain, k=plain.k if k is None else k, n_sigma=plain.n_sigma if n_sigma is None else n_sigma
        )
        model = self.models.whole if fit.model == self.models.whole.name else self.models.local
        generator = torch.Generator().manual_seed(self.seed)
        return diversify(fit, model, n, generator, method, settings, self.network)
