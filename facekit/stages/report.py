"""Reports of a completion: a contact sheet, a page to look at in a browser, and the figures."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facekit.geometry.camera import frame_camera
from facekit.morphable.model import FaceModel
from facekit.morphable.topology import Topology
from facekit.raster.scene import Colours, TextureMap, render_view
from facekit.records import BoolArray, ByteArray, Completion, Ensemble, Fit, FloatArray
from facekit.texture.patch import paste

TILE = 224  # px, side of a tile of the contact sheet
ROW = 8  # completions in a row of it
PAGE_PICTURE = 900  # px, longer side of a picture in the page
HIDDEN_TINT = np.array([214, 60, 52], np.float32)
GROUND = 28


@dataclass(frozen=True)
class Case:
    """Everything a report speaks of. ``photo`` (H, W, 3) uint8, ``hidden`` (H, W) bool."""

    name: str
    photo: ByteArray
    hidden: BoolArray
    fit: Fit
    ensemble: Ensemble
    completion: Completion
    model: FaceModel
    seed: int


def figures(case: Case) -> dict[str, Any]:
    """The content of report.json: of the whole, and of each completion. Lengths in millimetres, fractions 0
    to 1.
    """
    stats = json.loads(case.completion.stats)
    hidden = case.ensemble.hidden
    shapes = case.ensemble.vertices.astype(np.float64) * 1000.0
    each = []
    for i, (shape, one) in enumerate(zip(shapes, stats["completions"], strict=True)):
        apart = [_rms(shape, other, hidden) for j, other in enumerate(shapes) if j != i]
        each.append(
            {
                "index": i,
                "picture": f"completed_{i:02d}.png",
                "mesh": f"face_{i:02d}.obj",
                "quality": float(case.ensemble.quality[i]),
                "hidden_rms_to_first_mm": _rms(shape, shapes[0], hidden),
                "visible_rms_to_first_mm": _rms(shape, shapes[0], ~hidden),
                "nearest_other_mm": min(apart, default=0.0),
                **one,
            }
        )
    whole = {k: v for k, v in stats.items() if k != "completions"}
    return {
        "photo": case.name,
        "photo_sha256": case.completion.photo_sha256,
        "model": case.model.name,
        "model_sha256": case.model.digest,
        "model_licence": case.model.licence,
        "method": case.ensemble.method,
        "seed": case.seed,
        "outcome": case.fit.outcome,
        **whole,
        "completions": each,
    }


def _rms(a: FloatArray, b: FloatArray, where: BoolArray) -> float:
    return float(np.sqrt(((a - b)[where] ** 2).sum(-1).mean())) if where.any() else 0.0


def contact_sheet(case: Case) -> ByteArray:
    """All completions side by side, (H, W, 3) uint8: the photo first, then pictures, turned heads and bare
    shapes.
    """
    left, top, right, bottom = head_box(case)
    first = [
        ("photo", case.photo[top:bottom, left:right]),
        ("hidden part", tinted(case.photo[top:bottom, left:right], case.hidden[top:bottom, left:right])),
        ("what is known", known_view(case)),
    ]
    bands = []
    for start in range(0, len(case.ensemble.vertices), ROW):
        group = range(start, min(start + ROW, len(case.ensemble.vertices)))
        pictures = [(f"{i}", _head(case, i)) for i in group]
        turned = [("", head_view(case, i, yaw=0.6, textured=True)) for i in group]
        shapes = [("", head_view(case, i, yaw=-0.6, textured=False)) for i in group]
        for head, rest in zip(first, (pictures, turned, shapes), strict=True):
            bands.append(np.hstack([_tile(*cell) for cell in [head, *rest]]))
    return np.vstack(bands)


def head_box(case: Case) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of a square around the head and what is hidden, inside the photo as far as it goes."""
    height, width = case.photo.shape[:2]
    x0, y0, x1, y1 = (float(v) for v in case.fit.landmarks.box)
    ys, xs = np.nonzero(case.hidden)
    reach = 0.45 * max(x1 - x0, y1 - y0)
    if len(xs):
        near = (xs > x0 - reach) & (xs < x1 + reach) & (ys > y0 - reach) & (ys < y1 + reach)
        if near.any():
            x0, x1 = min(x0, xs[near].min()), max(x1, xs[near].max())
            y0, y1 = min(y0, ys[near].min()), max(y1, ys[near].max())
    half = min(0.75 * max(x1 - x0, y1 - y0), min(height, width) / 2)
    cx = float(np.clip((x0 + x1) / 2, half, width - half))
    cy = float(np.clip((y0 + y1) / 2 - 0.1 * half, half, height - half))
    return round(cx - half), round(cy - half), round(cx + half), round(cy + half)


def tinted(photo: ByteArray, hidden: BoolArray) -> ByteArray:
    """The photo with its hidden pixels tinted red."""
    table = (0.45 * np.arange(256)[:, None] + 0.55 * HIDDEN_TINT).round().astype(np.uint8)
    result = np.asarray(cv2.LUT(photo, table[None]), np.uint8)  # by table: no copy of the photo in floats
    np.copyto(result, photo, where=~hidden[..., None])
    return result


def _head(case: Case, index: int) -> ByteArray:
    """Completion ``index`` inside the head box, without the rest of the photo, which may be large."""
    left, top, right, bottom = head_box(case)
    return paste(case.photo, case.completion, index)[top:bottom, left:right].copy()


def head_view(case: Case, index: int, yaw: float, textured: bool) -> ByteArray:
    """Completion ``index`` as a turned head, (TILE, TILE, 3) uint8."""
    topology = case.model.topology
    skin = TextureMap(case.completion.textures[index], topology.uv, topology.uv_faces)
    return _view(case, index, yaw, skin if textured else None)


def known_view(case: Case) -> ByteArray:
    """The first completion coloured by what is seen, mirrored and invented, (TILE, TILE, 3) uint8."""
    topology = case.model.topology
    colours = TextureMap(confidence_colours(case.completion.confidence), topology.uv, topology.uv_faces)
    return _view(case, 0, 0.0, colours)


def _view(case: Case, index: int, yaw: float, colours: Colours) -> ByteArray:
    vertices = case.ensemble.vertices[index].astype(np.float64)
    camera = frame_camera(_framed(vertices, case.model), yaw, 0.0, (TILE, TILE), margin=1.0)
    backdrop = np.full((TILE, TILE, 3), GROUND, np.uint8)
    return render_view(
        vertices, case.model.topology.faces, camera, (TILE, TILE), colours, background=backdrop
    )


def confidence_colours(confidence: ByteArray) -> ByteArray:
    """Green where seen, amber where mirrored, red where invented: (T, T, 3) uint8."""
    table = np.zeros((256, 3), np.uint8)
    table[:64], table[64:192], table[192:] = (196, 85, 77), (224, 165, 46), (74, 169, 108)
    return table[confidence]


def _framed(vertices: FloatArray, model: FaceModel) -> FloatArray:
    """The vertices that decide the frame: the face, without shoulders."""
    weight = model.topology.regions.get("face")
    return vertices if weight is None or not (weight > 0.5).any() else vertices[weight > 0.5]


def _tile(caption: str, picture: ByteArray) -> ByteArray:
    height, width = picture.shape[:2]
    scale = (TILE - 4) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.new("RGB", (TILE, TILE), (GROUND,) * 3)
    image.paste(
        Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS),
        ((TILE - size[0]) // 2, (TILE - size[1]) // 2),
    )
    if caption:
        font = ImageFont.load_default(size=15)
        draw = ImageDraw.Draw(image)
        draw.text((7, 5), caption, font=font, fill="white", stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(image)


def page(case: Case, template: str) -> str:
    """report.html: ``template`` (the packaged page) with pictures, meshes and figures inside; it loads
    nothing else.
    """
    report = figures(case)
    mesh, corners = _shared_mesh(case.ensemble.vertices, case.model.topology)
    completions = []
    for i, one in enumerate(report["completions"]):
        completions.append(
            {
                "picture": picture_uri(_head(case, i)),
                "texture": picture_uri(case.completion.textures[i]),
                "positions": corners[i],
                "figures": [
                    f"{one['quality']:.2f}",
                    f"{one['hidden_rms_to_first_mm']:.1f}",
                    f"{one['nearest_other_mm']:.1f}",
                ],
            }
        )
    data = {
        "title": f"{case.name}: {len(completions)} complete faces",
        "summary": _summary(report),
        "inputs": [
            {"src": picture_uri(case.photo), "caption": "photo"},
            {"src": picture_uri(tinted(case.photo, case.hidden)), "caption": "hidden part, in red"},
        ],
        "columns": ["quality", "from the first, hidden part (mm)", "nearest other (mm)"],
        "completions": completions,
        "confidence": picture_uri(case.completion.confidence, lossless=True),
        "mesh": mesh,
    }
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return template.replace("__FACEKIT_DATA__", text)


def _summary(report: dict[str, Any]) -> str:
    return (
        f"Of the face {100 * report['face_seen']:.0f} % is seen in the photo, "
        f"{100 * report['face_mirrored']:.0f} % is copied from the other side and "
        f"{100 * report['face_invented']:.0f} % is invented. Model {report['model']}, "
        f"method {report['method']}, seed {report['seed']}. Sizes are a prior, not measured."
    )


def _shared_mesh(shapes: FloatArray, topology: Topology) -> tuple[dict[str, Any], list[str]]:
    """What all meshes share, and the quantised positions of each as base64 text."""
    pairs = np.stack([topology.faces.ravel(), topology.uv_faces.ravel()], 1)
    unique, triangles = np.unique(pairs, axis=0, return_inverse=True)
    low, high = shapes.min((0, 1)), shapes.max((0, 1))
    span = np.maximum(high - low, 1e-6)
    positions = np.round((shapes - low) / span * 65535).astype("<u2")
    weight = topology.regions.get("face")
    framed = shapes[0] if weight is None or not (weight > 0.5).any() else shapes[0][weight > 0.5]
    mesh = {
        "triangles": _base64(triangles.astype("<u4")),
        "vertex": _base64(unique[:, 0].astype("<u4")),
        "uv": _base64(np.round(np.clip(topology.uv[unique[:, 1]], 0, 1) * 65535).astype("<u2")),
        "low": [float(x) for x in low],
        "span": [float(x) for x in span],
        "middle": [float(x) for x in (framed.min(0) + framed.max(0)) / 2],
    }
    return mesh, [_base64(p) for p in positions]


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def picture_uri(picture: ByteArray, lossless: bool = False) -> str:
    """A picture as a data URI, no larger than a page needs."""
    image = Image.fromarray(picture)
    if not lossless:
        image.thumbnail((PAGE_PICTURE, PAGE_PICTURE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, "PNG", compress_level=6)
    else:
        image.save(buffer, "JPEG", quality=88)
    kind = "png" if lossless else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
