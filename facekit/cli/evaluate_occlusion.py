"""facekit evaluate occlusion: the part of the command that is its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import case_evaluation as shared
from facekit.cli import options
from facekit.errors import NoFaceError

if TYPE_CHECKING:
    from facekit.files.cases import CaseFiles
    from facekit.morphable.model import FaceModel
    from facekit.records import BoolArray, ByteArray
    from facekit.segmentation.network import Segmenter
    from facekit.stages.evaluate_completion import Case

KINDS = ("glasses", "mask", "blob", "hand", "hair", "scarf", "phone", "cup", "microphone")  # of synth photos
PROPOSED, CORRECTED = "proposed", "corrected"


@dataclass(frozen=True)
class Wish(shared.CaseWish):
    """What the user asked for."""

    NAME = "occlusion"

    fit: bool
    weights: Path | None

    @property
    def ways(self) -> tuple[str, ...]:
        """How occluders are found."""
        return (PROPOSED, CORRECTED) if self.fit else (PROPOSED,)


@click.command(short_help="How well what hides a face is found without a mask.")
@shared.cases_option(45, "a ninth with each kind of occluder")
@shared.data_option(
    "Whole photos and occluded ones with masks, as synth photos --occluder or synth occlude writes them."
)
@click.option(
    "--fit/--no-fit", default=True, show_default=True, help="Also correct what is proposed by a fitted face."
)
@click.option(
    "--weights", type=options.FILE, metavar="FILE", help="Another face segmenter than facekit's own."
)
@options.output_option("Folder for photos, figures and tables; occlusion.evaluation by default.")
@options.model_option
@options.seed_option
@options.force_option
@options.json_option
@options.verbosity_options
def occlusion(**wish: Any) -> None:
    """Compare the masks that complete finds without --occlusion with the true ones.

    Each whole photo is looked at too: nothing should be found there. Without --data photos of synthetic
    people are made. The folder keeps what is done, so that the same command goes on after a stop; tables.md
    and tables.json are written.

    \b
    Examples:
      facekit evaluate occlusion --cases 108 --seed 9300 -o occlusion/
      facekit synth occlude *.jpg -o occluded/ && facekit evaluate occlusion --data occluded/
    """
    from facekit.files.models import load_model
    from facekit.files.workspace import Workspace
    from facekit.metrics.occlusion_tables import tables

    asked = Wish(**wish)
    space, model, network = Workspace(asked.folder), load_model(asked.model), _network(asked.weights)
    seed = shared.begin(asked, space, model, _settings(asked, network))
    results: list[dict[str, Any]] = []
    for files, bare in _jobs(asked, seed, space.folder / "photos"):
        name = f"{files.name}.bare" if bare else files.name
        result = space.known(name)
        if not result:
            result = {"name": name} | _measured(files, bare, model, network, asked.fit)
            space.keep(name, result)
        results.append(result)
    note = ". Landmarks are found without the mask; the face is the hull of those on the whole photo."
    text, told = shared.write_tables(space, tables(results, asked.ways), results, note, {})
    shared.tell(space, text, told, asked.as_json)


def _network(weights: Path | None) -> Segmenter:
    from facekit.files.weights import read_weights
    from facekit.segmentation.network import from_arrays
    from facekit.stages.segment import shipped_segmenter

    return shipped_segmenter() if weights is None else from_arrays(*read_weights(weights))


def _settings(asked: Wish, network: Segmenter) -> dict[str, Any]:
    """What must be the same where a folder is gone on with."""
    from facekit.stages.train_segmenter import digest_of

    return {
        "fit": asked.fit,
        "segmenter": digest_of(network)[:12],
    }


def _jobs(asked: Wish, seed: int, folder: Path) -> Iterator[tuple[CaseFiles, bool]]:
    """The cases of --data, or of photos made now, each followed by its whole photo where that was not yet
    looked at.
    """
    from facekit.cli import console
    from facekit.files.reading import read_bytes

    some = shared.case_files(asked, KINDS, seed, folder)
    looked_at = set()
    for files in console.progress(some, "cases", len(some)):
        yield files, False
        digest = None if files.whole is None else hashlib.sha256(read_bytes(files.whole)).digest()
        if digest not in looked_at:  # the same photo may lie in several folders
            looked_at.add(digest)
            yield files, True


def _measured(
    files: CaseFiles, bare: bool, model: FaceModel, network: Segmenter, fitted: bool
) -> dict[str, Any]:
    """The figures of a case, or of its whole photo; or why there are none."""
    import numpy as np

    from facekit.cli.completion_tools import read_case
    from facekit.metrics.occlusion_tables import BARE, overlap_on_face
    from facekit.stages.evaluate_completion import ratio

    result: dict[str, Any] = {"kind": BARE, "failed": None, "ratio": 0.0, "ways": {}}
    try:
        case: Case = read_case(files, model)
        photo, hidden = (case.truth, np.zeros_like(case.hidden)) if bare else (case.photo, case.hidden)
        if not bare:
            result |= {"kind": case.kind, "ratio": ratio(case)}
        for way, found in _found(photo, model, network, fitted).items():
            result["ways"][way] = overlap_on_face(found, hidden, case.face)
    except NoFaceError as error:
        result["failed"] = str(error)
    return result


def _found(photo: ByteArray, model: FaceModel, network: Segmenter, fitted: bool) -> dict[str, BoolArray]:
    """The masks (H, W) that are found in a photo (H, W, 3), by name."""
    from facekit.pipeline import look_for_hidden
    from facekit.stages.detect import redetect
    from facekit.stages.fit import fit_photo
    from facekit.stages.segment import correct

    proposal, landmarks = look_for_hidden(photo, network=network)
    masks = {PROPOSED: proposal.hidden}
    if fitted:
        fit = fit_photo(photo, landmarks, model, proposal.hidden, look_again=redetect)
        masks[CORRECTED] = correct(photo, proposal, fit, model).hidden
    return masks
