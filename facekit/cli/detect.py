"""``facekit detect``: face landmarks of photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import console, options
from facekit.cli.inputs import given_landmarks, read_photo_and_mask
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.files.images import Photo
    from facekit.records import BoolArray, Landmarks

SUFFIX = ".landmarks.npz"


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    photos: tuple[Path, ...]
    occlusion: Path | None
    occlusion_mask: Path | None
    face: str | int
    box: tuple[float, float, float, float] | None
    detector: str
    scheme: str | None
    landmarks: Path | None
    output: Path | None
    overlay: Path | None
    device: str
    force: bool
    as_json: bool

    @property
    def several(self) -> bool:
        """More than one photo: results go to folders."""
        return len(self.photos) > 1

    @property
    def every(self) -> bool:
        """All faces of a photo, numbered."""
        return self.face == "all"

    def target(self, path: Path, number: int) -> Path:
        """Where the landmarks of a face of a photo go."""
        suffix = f"_{number}{SUFFIX}" if self.every else SUFFIX
        return options.output_path(path, suffix, self.output, self.several or self.every)

    def mask_of(self, path: Path) -> Path | None:
        """Where the mask of what hides the faces of a photo goes."""
        return self.occlusion_mask and options.output_path(
            path, ".mask.png", self.occlusion_mask, self.several
        )

    def overlay_of(self, path: Path) -> Path | None:
        """Where the drawing of a photo goes."""
        return self.overlay and options.output_path(path, ".landmarks.png", self.overlay, self.several)


class BoxType(click.ParamType):
    """Four numbers x0,y0,x1,y1 in pixels."""

    name = "box"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to four floats."""
        try:
            x0, y0, x1, y1 = (float(v) for v in str(value).replace(" ", ",").split(","))
        except ValueError:
            self.fail(f"{value!r} is not a box; write four numbers x0,y0,x1,y1 in pixels", param, ctx)
        return x0, y0, x1, y1


class FaceType(click.ParamType):
    """``largest``, ``all`` or a number from 0."""

    name = "face"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """Text to the word or the number."""
        text = str(value)
        if text not in ("largest", "all") and not text.isdecimal():
            self.fail(f"{value!r} is neither largest, all nor a number from 0", param, ctx)
        return int(text) if text.isdecimal() else text


@click.command(short_help="Find face landmarks in photos.")
@options.photos_argument
@options.occlusion_option()
@click.option(
    "--occlusion-mask",
    type=options.FILE,
    metavar="PATH",
    help="Find what hides the face and write its mask: a picture, white = hidden, or a folder.",
)
@click.option(
    "--face",
    type=FaceType(),
    default="largest",
    show_default=True,
    metavar="largest|all|K",
    help="Which face: K counts from 0 by falling size; all writes NAME_0, NAME_1, …",
)
@click.option("--box", type=BoxType(), metavar="X0,Y0,X1,Y1", help="Where the face is, in pixels.")
@click.option(
    "--detector",
    type=click.Choice(["mediapipe", "face-alignment"]),
    default="mediapipe",
    show_default=True,
    help="The landmark network.",
)
@click.option(
    "--scheme",
    type=click.Choice(["mediapipe478", "ibug68"]),
    help="Which landmarks to write; by default those of the detector.",
)
@click.option(
    "--landmarks",
    type=options.FILE,
    metavar="FILE",
    help="Take the points from here instead: .json, .pts, .npz, .npy or text, 68 or 478 rows x y.",
)
@options.output_option("The landmarks, NAME.landmarks.npz beside the photo by default; or a folder.")
@click.option(
    "--overlay", type=options.FILE, metavar="PATH", help="Also draw the points: a picture or a folder."
)
@options.device_option
@options.force_option
@options.json_option
@options.verbosity_options
def detect(**wish: Any) -> None:
    """Find the face in each PHOTO and write its landmarks, with how far each can be trusted.

    \b
    Examples:
      facekit detect photo.jpg --overlay seen.png
      facekit detect photo.jpg --occlusion mask.png
      facekit detect photo.jpg --occlusion-mask mask.png
      facekit detect *.jpg --face all -o landmarks/
      facekit detect painting.png --landmarks by_hand.json
    """
    asked = Wish(**wish)
    if asked.several and (asked.occlusion or asked.box or asked.landmarks):
        raise UsageError("--occlusion, --box and --landmarks belong to one photo; call detect once per photo")
    if asked.occlusion and asked.occlusion_mask:
        raise UsageError("--occlusion says what is hidden, --occlusion-mask finds it; give one of them")
    options.refuse_clashes(asked.photos, (asked.output, asked.overlay, asked.occlusion_mask))
    if asked.landmarks and (asked.box or asked.face != "largest"):
        raise UsageError("--landmarks says where the face is; leave out --box and --face")
    results, failures = console.run_many(asked.photos, partial(_one, asked))
    if asked.as_json:
        console.emit_json({"faces": [f for faces in results for f in faces], "failures": failures})


def _one(asked: Wish, path: Path) -> list[dict[str, object]]:
    """Read a photo, find its faces, write them; what there is to tell of each."""
    _refuse(asked, path)
    photo, hidden = read_photo_and_mask(path, asked.occlusion)
    found = _faces(asked, photo, hidden)
    told: dict[str, object] = {}
    if target := asked.mask_of(path):
        from facekit.stages.segment import proposal_of

        proposal = proposal_of(photo.pixels, found)
        hidden, told = proposal.hidden, {"mask": target, "hidden_share": round(proposal.share, 4)}
        if hidden.any():
            found = _faces(asked, photo, hidden)
        _save_mask(asked, target, hidden, f"{target}: {proposal.told}")
    return [{**one, **told} for one in _save(asked, path, photo, found)]


def _faces(asked: Wish, photo: Photo, hidden: BoolArray | None) -> list[Landmarks]:
    """The faces of a photo, or the one that was given."""
    if asked.landmarks is not None:
        return [given_landmarks(asked.landmarks, photo, hidden, asked.scheme)]
    from facekit.stages.detect import detect as run

    return run(
        photo.pixels, hidden, detector=asked.detector, scheme=asked.scheme, face=asked.face, box=asked.box,
        device=_device(asked.detector, asked.device),
    )  # fmt: skip


def _save_mask(asked: Wish, target: Path, hidden: BoolArray, told: str) -> None:
    """Write the mask, white where hidden, and say what it hides."""
    from facekit.files.images import write_image

    options.make_folders([target], asked.several)
    write_image(target, hidden, asked.force)
    console.say(told)


def _device(detector: str, name: str) -> str:
    """mediapipe runs on the CPU and needs no torch."""
    return "cpu" if detector == "mediapipe" else str(console.torch_device(name))


def _refuse(asked: Wish, path: Path) -> None:
    """Before any work: raise UsageError, UnreadableError where the results cannot be written."""
    from facekit.files.atomic import refuse_overwrite
    from facekit.files.images import check_image_suffix

    files = [asked.target(path, 0)]
    for picture in (asked.overlay_of(path), asked.mask_of(path)):
        if picture is not None:
            check_image_suffix(picture)
            files.append(picture)
    refuse_overwrite(files, asked.force)


def _save(asked: Wish, path: Path, photo: Photo, faces: list[Landmarks]) -> list[dict[str, object]]:
    """Write the records and the overlay; what there is to tell of each face."""
    from facekit.detection.overlay import draw_landmarks
    from facekit.files.images import write_image
    from facekit.files.npz import write_record

    told, overlay = [], asked.overlay_of(path)
    options.make_folders([asked.target(path, 0)], asked.several or asked.every)
    options.make_folders([overlay], asked.several)
    for number, face in enumerate(faces):
        target = asked.target(path, number)
        write_record(target, replace(face, history=(*face.history, console.this_step())), asked.force)
        console.say(_sentence(target, face))
        told.append({"photo": path, "landmarks": target, **_summary(face)})
    if overlay is not None:
        write_image(overlay, draw_landmarks(photo.pixels, faces), asked.force)
    return told


def _summary(face: Landmarks) -> dict[str, object]:
    return {
        "detector": face.detector,
        "scheme": face.scheme,
        "score": face.score,
        "box": face.box,
        "hidden": int(face.hidden.sum()),
    }


def _sentence(target: Path, face: Landmarks) -> str:
    width, height = (face.box[2:] - face.box[:2]).round().astype(int)
    hidden = f", {face.hidden.sum()} of them hidden" if face.hidden.any() else ""
    return f"{target}: {len(face.points)} landmarks{hidden}, face of {width}×{height} px ({face.detector})"
