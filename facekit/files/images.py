"""Photos, masks and pictures. Photos come as sRGB bytes, upright, whatever form they were stored in."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from facekit.errors import UnreadableError, UsageError
from facekit.files.atomic import PathLike, atomic_write
from facekit.files.reading import name_content, read_bytes

MAX_PIXELS = 200_000_000
FORMATS = "PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF"
# Pillow's names of what is read; without the list it would start Ghostscript for EPS.
_READERS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")
_WRITERS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_OPTIONS: dict[str, dict[str, int | bool]] = {
    "PNG": {"compress_level": 2},  # nearly twice as fast as 4, 9 % larger
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}
_FLOATING = ("an HDR picture", "an OpenEXR picture")
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of more than 8 bits, all grey


@dataclass(frozen=True)
class Photo:
    """A photo as it is to be looked at: EXIF orientation applied, profile converted to sRGB."""

    pixels: NDArray[np.uint8]  # (H, W, 3) sRGB
    alpha: NDArray[np.uint8] | None  # (H, W), None where every pixel is opaque


def read_photo(path: PathLike) -> Photo:
    """Read a picture of any common form. Raises UnreadableError with the reason in one sentence."""
    image = _decode(path)
    alpha = np.array(image.getchannel("A")) if image.mode == "RGBA" else None
    pixels = np.array(image.convert("RGB"))
    return Photo(pixels, None if alpha is None or alpha.min() == 255 else alpha)


def read_mask(path: PathLike, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """An occlusion mask as (H, W) bool, true where hidden (white, > 127).

    ``size`` is the photo's (H, W). A picture of one colour on transparency (strokes on an empty layer)
    hides where it is opaque. Raises UsageError naming both sizes if they differ, UnreadableError.
    """
    picture = read_photo(path)
    grey = picture.pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    (height, width), (wanted_height, wanted_width) = grey.shape, size[:2]
    if (height, width) != (wanted_height, wanted_width):
        raise UsageError(
            f"the mask {path} is {width}x{height} pixels and the photo {wanted_width}x{wanted_height}; "
            "draw the mask on the photo itself, at its full size"
        )
    if picture.alpha is None:
        return grey > 127
    painted = picture.pixels[picture.alpha > 127]
    if len(painted) and (painted == painted[0]).all():
        return picture.alpha > 127
    return grey * (picture.alpha / 255.0) > 127


def looks_like_photo(path: PathLike) -> bool:
    """Whether a picture given as a mask has many colours, or greys that are no soft borders."""
    pixels = read_photo(path).pixels[::4, ::4].astype(np.int16)
    if len(np.unique(pixels.reshape(-1, 3), axis=0)) < 64:
        return False
    colourful = np.ptp(pixels, axis=2) > 24
    grey = (pixels > 32).all(2) & (pixels < 223).all(2)
    return bool(colourful.mean() > 0.2 or grey.mean() > 0.4)


def describe_mask(hidden: NDArray[np.bool_]) -> str:
    """One sentence on what the mask hides, with its polarity."""
    return f"white = hidden: {100 * hidden.mean():.1f} % of the photo"


def write_image(path: PathLike, array: NDArray[np.uint8] | NDArray[np.bool_], force: bool = False) -> None:
    """Write a picture in the format of the suffix.

    ``array`` is (H, W), (H, W, 3) or (H, W, 4) uint8 sRGB, or (H, W) bool for black and white.
    """
    check_image_suffix(path)
    data = encode_image(array, Path(path).suffix)
    with atomic_write(path, force) as file:
        file.write(data)


def check_image_suffix(path: PathLike) -> None:
    """Raise UsageError unless pictures can be written under this suffix."""
    if Path(path).suffix.lower() not in _WRITERS:
        raise UsageError(f"cannot write a picture as {path}; use one of the suffixes {' '.join(_WRITERS)}")


def encode_image(array: NDArray[np.uint8] | NDArray[np.bool_], suffix: str = ".png") -> bytes:
    """The bytes of a picture file, e.g. to place it inside a report."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] not in (3, 4))
    ):
        raise ValueError(f"not a picture: {array.dtype} {array.shape}")
    form = _WRITERS[suffix.lower()]
    if form in ("JPEG", "BMP") and array.ndim == 3:
        array = array[:, :, :3]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, form, **_OPTIONS.get(form, {}))
    return buffer.getvalue()


def photo_digest(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of the size and the pixels, the same however the photo was stored."""
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


def _decode(path: PathLike) -> Image.Image:
    """The first frame, upright, 8 bits a channel, with its alpha if there is one."""
    data = read_bytes(path)
    content = name_content(data)
    if content in _FLOATING:
        raise UnreadableError(
            f"{path} is {content} with floating-point values; save it as an 8-bit sRGB picture first"
        )
    try:
        with _patient_pillow():
            image = Image.open(io.BytesIO(data), formats=_READERS)
            image.load()
            return _eight_bit(path, _upright(image))
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        if any(content == f"a {form} picture" for form in ("TIFF", "PNG", "JPEG", "BMP", "GIF", "WebP")):
            raise UnreadableError(
                f"{path} is {content} of a form that cannot be read; save it as an 8-bit PNG first"
            ) from None
        raise UnreadableError(f"{path} is {content}, not a picture that can be read ({FORMATS})") from None
    except Image.DecompressionBombError:
        raise UnreadableError(
            f"{path} has more than {MAX_PIXELS // 1_000_000} million pixels; scale it down first"
        ) from None
    except MemoryError:
        raise UnreadableError(f"{path} does not fit into memory; scale it down first") from None
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise UnreadableError(
            f"{path} is damaged or incomplete: it starts as {content} but cannot be decoded"
        ) from error


@contextmanager
def _patient_pillow() -> Iterator[None]:
    """Pillow with our own size limit, silent about oddities that it can read past."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow warns above this and raises above twice this
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # unreadable EXIF says nothing about orientation
        return image


def _eight_bit(path: PathLike, image: Image.Image) -> Image.Image:
    """Any mode to 8-bit RGB or RGBA, through the embedded profile where there is a usable one."""
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        raise UnreadableError(
            f"{path} holds floating-point or 32-bit values; save it as an 8-bit sRGB picture first"
        )
    profile = image.info.get("icc_profile")
    alpha = None
    if image.mode in _DEEP:
        values = np.asarray(image).astype(np.uint32)
        image = Image.fromarray(((values * 255 + 32767) // 65535).clip(0, 255).astype(np.uint8))
    elif image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    converted = _through_profile(image, profile) if profile or image.mode == "LAB" else None
    image = (converted or image).convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _through_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The picture converted to sRGB; None where it is sRGB already or the profile cannot be used."""
    try:
        if profile is None:
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" in ImageCms.getProfileDescription(source):
                return None
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
