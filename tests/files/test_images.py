"""Photos come out as upright sRGB bytes whatever form they were stored in."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageCms, features

from facekit.errors import UnreadableError, UsageError
from facekit.files import images
from facekit.files.images import (
    describe_mask,
    encode_image,
    photo_digest,
    read_mask,
    read_photo,
    write_image,
)

# Four flat quarters, so that lossy formats can be compared and a turned picture is noticed.
COLOURS = np.array([[[200, 40, 40], [40, 200, 40]], [[40, 40, 200], [230, 230, 230]]], np.uint8)
PHOTO = COLOURS.repeat(24, 0).repeat(32, 1)  # (48, 64, 3)
GREY = np.array([[10, 90], [170, 250]], np.uint8).repeat(24, 0).repeat(32, 1)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def png_16_bit_rgb(path: Path) -> Path:
    import cv2  # Pillow cannot write 16-bit colour

    assert cv2.imwrite(str(path), PHOTO[:, :, ::-1].astype(np.uint16) * 257)
    return path


def cmyk_with_adobe_marker(path: Path) -> Path:
    return save(path, Image.fromarray(PHOTO).convert("CMYK"), quality=100, subsampling=0)


COLOUR_FORMS: dict[str, tuple[str, Callable[[Path], Path], int]] = {
    "8-bit PNG": ("a.png", lambda p: save(p, Image.fromarray(PHOTO)), 0),
    "16-bit PNG": ("a.png", png_16_bit_rgb, 0),
    "palette PNG": ("a.png", lambda p: save(p, Image.fromarray(PHOTO).quantize(8)), 0),
    "interlaced name": ("photo of me.PNG", lambda p: save(p, Image.fromarray(PHOTO)), 0),
    "RGBA PNG": ("a.png", lambda p: save(p, Image.fromarray(PHOTO).convert("RGBA")), 0),
    "JPEG": ("a.jpg", lambda p: save(p, Image.fromarray(PHOTO), quality=95, subsampling=0), 3),
    "progressive JPEG": (
        "a.jpg",
        lambda p: save(p, Image.fromarray(PHOTO), quality=95, subsampling=0, progressive=True),
        3,
    ),
    "CMYK JPEG": ("a.jpg", cmyk_with_adobe_marker, 4),
    "CMYK TIFF": ("a.tif", lambda p: save(p, Image.fromarray(PHOTO).convert("CMYK")), 0),
    "TIFF": ("a.tif", lambda p: save(p, Image.fromarray(PHOTO)), 0),
    "LZW TIFF": ("a.tiff", lambda p: save(p, Image.fromarray(PHOTO), compression="tiff_lzw"), 0),
    "WebP": ("a.webp", lambda p: save(p, Image.fromarray(PHOTO), lossless=True), 0),
    "BMP": ("a.bmp", lambda p: save(p, Image.fromarray(PHOTO)), 0),
    "GIF": ("a.gif", lambda p: save(p, Image.fromarray(PHOTO).quantize(8)), 0),
    "PPM": ("a.ppm", lambda p: save(p, Image.fromarray(PHOTO)), 0),
    "wrong suffix": ("a.png", lambda p: save(p, Image.fromarray(PHOTO), format="TIFF"), 0),
}
GREY_FORMS: dict[str, Callable[[Path], Path]] = {
    "8-bit": lambda p: save(p, Image.fromarray(GREY)),
    "16-bit": lambda p: save(p, Image.fromarray(GREY.astype(np.uint16) * 257)),
    "grey and alpha": lambda p: save(p, Image.fromarray(GREY).convert("LA")),
}


@pytest.mark.parametrize("form", COLOUR_FORMS)
def test_forms_of_colour(tmp_path: Path, form: str) -> None:
    name, write, tolerance = COLOUR_FORMS[form]
    photo = read_photo(write(tmp_path / name))
    assert photo.pixels.shape == PHOTO.shape
    assert photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels.astype(int) - PHOTO).max() <= tolerance
    assert photo.alpha is None


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif(tmp_path: Path) -> None:
    photo = read_photo(save(tmp_path / "a.avif", Image.fromarray(PHOTO), quality=95))
    assert np.abs(photo.pixels.astype(int) - PHOTO).mean() < 3


@pytest.mark.parametrize("form", GREY_FORMS)
def test_forms_of_grey(tmp_path: Path, form: str) -> None:
    photo = read_photo(GREY_FORMS[form](tmp_path / "a.png"))
    assert np.array_equal(photo.pixels, np.repeat(GREY[:, :, None], 3, 2))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "RGBX"]
)
def test_every_mode_of_tiff(tmp_path: Path, mode: str) -> None:
    image = (
        Image.fromarray(GREY.astype(np.uint16)) if mode == "I;16" else Image.fromarray(PHOTO).convert("RGB")
    )
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    elif mode != "I;16":
        image = image.convert(mode)
    path = save(tmp_path / "a.tif", image)
    try:
        Image.open(io.BytesIO(path.read_bytes())).load()
    except OSError:
        pytest.skip(f"Pillow {PIL.__version__} cannot read the {mode} TIFF that it writes")  # 12.3 and YCbCr
    photo = read_photo(path)
    assert photo.pixels.shape == PHOTO.shape
    if mode in ("RGB", "RGBA", "CMYK", "YCbCr", "LAB", "RGBX"):
        assert np.abs(photo.pixels.astype(int) - PHOTO).max() <= 6


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_transparent_colour(tmp_path: Path, mode: str) -> None:
    image = (
        Image.fromarray(GREY.astype(np.uint16)) if mode == "I;16" else Image.fromarray(PHOTO).convert(mode)
    )
    key = tuple(PHOTO[0, 0].tolist()) if mode == "RGB" else int(np.asarray(image)[0, 0])
    photo = read_photo(save(tmp_path / "a.png", image, transparency=key))
    assert photo.pixels.shape == PHOTO.shape
    if mode != "I;16":
        assert photo.alpha is not None
        assert photo.alpha[0, 0] == 0


def test_postscript_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(UnreadableError, match="a text file, not a picture"):
        read_photo(tmp_path / "a.eps")


def test_one_bit(tmp_path: Path) -> None:
    bits = GREY > 127
    photo = read_photo(save(tmp_path / "a.png", Image.fromarray(bits)))
    assert np.array_equal(photo.pixels[:, :, 1], bits * 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    stored = {
        1: PHOTO,
        2: PHOTO[:, ::-1],
        3: PHOTO[::-1, ::-1],
        4: PHOTO[::-1],
        5: PHOTO.transpose(1, 0, 2),
        6: np.rot90(PHOTO, 1),
        7: PHOTO[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(PHOTO, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    assert np.array_equal(read_photo(path).pixels, PHOTO)


def test_damaged_exif_is_no_obstacle(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.fromarray(PHOTO), exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95)
    assert read_photo(path).pixels.shape == PHOTO.shape


def test_alpha_stands_apart_and_colours_are_not_composed(tmp_path: Path) -> None:
    alpha = GREY
    rgba = np.dstack([PHOTO, alpha])
    photo = read_photo(save(tmp_path / "a.png", Image.fromarray(rgba)))
    assert np.array_equal(photo.pixels, PHOTO)
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, alpha)


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(PHOTO).quantize(8)
    index = int(np.asarray(image)[0, 0])
    photo = read_photo(save(tmp_path / "a.png", image, transparency=index))
    assert np.array_equal(photo.pixels, PHOTO)
    assert photo.alpha is not None
    assert photo.alpha[0, 0] == 0
    assert photo.alpha[-1, -1] == 255


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    first, second = Image.fromarray(PHOTO).quantize(8), Image.fromarray(PHOTO[::-1].copy()).quantize(8)
    path = save(tmp_path / "a.gif", first, save_all=True, append_images=[second])
    assert np.array_equal(read_photo(path).pixels, PHOTO)


def test_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(Image.fromarray(PHOTO), srgb, lab, outputMode="LAB")
    assert image is not None
    path = save(tmp_path / "a.tif", image, icc_profile=lab.tobytes())
    assert np.abs(read_photo(path).pixels.astype(int) - PHOTO).max() <= 6


def test_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = save(tmp_path / "a.png", Image.fromarray(PHOTO), icc_profile=profile)
    assert np.array_equal(read_photo(path).pixels, PHOTO)


def test_broken_profile_is_no_obstacle(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(PHOTO), icc_profile=b"not a profile")
    assert np.array_equal(read_photo(path).pixels, PHOTO)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_truncated_pictures(tmp_path: Path, form: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path / "a.img", Image.fromarray(noise), format=form)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnreadableError) as raised:
        read_photo(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_flipped_bytes_never_give_another_error(tmp_path: Path) -> None:
    for form in ("PNG", "JPEG", "TIFF"):
        path = save(tmp_path / "a.img", Image.fromarray(PHOTO), format=form)
        good = path.read_bytes()
        for position in range(0, min(len(good), 400), 5):
            path.write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
            try:
                read_photo(path)
            except UnreadableError:
                continue


def test_a_picture_of_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    path = save(tmp_path / "a.png", Image.fromarray(PHOTO))
    with pytest.raises(UnreadableError, match="scale it down"):
        read_photo(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello world, I am a text\n", "a text file, not a picture"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "HDR"),
        (b"PK\x03\x04aaaa", "zip archive"),
        (bytes(range(129, 200)), "unknown kind"),
    ],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=message):
        read_photo(path)


def test_floating_point_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(GREY.astype(np.float32)))
    with pytest.raises(UnreadableError, match="8-bit sRGB"):
        read_photo(path)


def test_a_picture_of_an_unknown_form(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\x00" + bytes(range(100)))
    with pytest.raises(UnreadableError, match="TIFF picture of a form that cannot be read; save it"):
        read_photo(path)


HIDDEN = np.zeros((48, 64), bool)
HIDDEN[10:30, 5:40] = True


def layer(colour: int) -> Image.Image:
    return Image.fromarray(np.dstack([np.full((48, 64, 3), colour, np.uint8), HIDDEN * np.uint8(255)]))


MASKS: dict[str, Image.Image] = {
    "grey": Image.fromarray(HIDDEN * np.uint8(255)),
    "one bit": Image.fromarray(HIDDEN),
    "16-bit": Image.fromarray(HIDDEN * np.uint16(65535)),
    "colour": Image.fromarray(np.repeat((HIDDEN * np.uint8(255))[:, :, None], 3, 2)),
    "opaque alpha": Image.fromarray(HIDDEN * np.uint8(255)).convert("RGBA"),
    "palette": Image.fromarray(HIDDEN * np.uint8(255)).convert("P"),
    "white strokes on an empty layer": layer(255),
    "black strokes on an empty layer": layer(0),
    "soft edges": Image.fromarray(np.where(HIDDEN, 128, 127).astype(np.uint8)),
}


@pytest.mark.parametrize("form", MASKS)
def test_masks(tmp_path: Path, form: str) -> None:
    path = save(tmp_path / "m.png", MASKS[form])
    assert np.array_equal(read_mask(path, PHOTO.shape[:2]), HIDDEN)


def test_mask_with_alpha_and_several_colours_uses_the_colours(tmp_path: Path) -> None:
    rgba = np.dstack(
        [np.repeat((HIDDEN * np.uint8(255))[:, :, None], 3, 2), np.full((48, 64), 255, np.uint8)]
    )
    rgba[0, 0, 3] = 0
    path = save(tmp_path / "m.png", Image.fromarray(rgba))
    assert np.array_equal(read_mask(path, (48, 64)), HIDDEN)


def test_mask_of_another_size_names_both(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", MASKS["grey"])
    with pytest.raises(UsageError, match=r"64x48 .*photo 63x48"):
        read_mask(path, (48, 63))


def test_mask_is_described_with_its_polarity() -> None:
    assert describe_mask(HIDDEN) == "white = hidden: 22.8 % of the photo"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp"])
def test_written_pictures_come_back(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", PHOTO)
    assert np.array_equal(read_photo(tmp_path / f"a{suffix}").pixels, PHOTO)
    write_image(tmp_path / f"b{suffix}", GREY > 127)
    assert np.array_equal(read_mask(tmp_path / f"b{suffix}", GREY.shape), GREY > 127)


def test_jpeg_is_written_well(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", np.dstack([PHOTO, GREY]))
    assert np.abs(read_photo(tmp_path / "a.jpg").pixels.astype(int) - PHOTO).max() <= 3


def test_unknown_suffix_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        write_image(tmp_path / "a.xyz", PHOTO)
    with pytest.raises(UsageError):
        write_image(tmp_path / "a", PHOTO)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("array", [PHOTO.astype(np.float32), PHOTO[..., :2], PHOTO[None]])
def test_what_is_no_picture_in_memory(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not a picture"):
        encode_image(array)


def test_digest_is_that_of_the_pixels(tmp_path: Path) -> None:
    digest = photo_digest(PHOTO)
    write_image(tmp_path / "a.webp", PHOTO)
    assert photo_digest(read_photo(tmp_path / "a.webp").pixels) == digest
    assert photo_digest(PHOTO[::-1]) != digest
    assert photo_digest(PHOTO.transpose(1, 0, 2)) != digest
    assert photo_digest(np.asfortranarray(PHOTO)) == digest


def test_encoding_is_decodable() -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_image(PHOTO)))), PHOTO)
