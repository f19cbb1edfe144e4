"""Every kind of pixel comes out as 8-bit sRGB on white, the right way up."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from embeddings.files.images import decode
from embeddings.files.srgb import Colours, to_srgb

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def assert_near(rgb: NDArray[np.uint8], expected: object, tolerance: int = 0) -> None:
    assert np.abs(rgb.astype(int) - np.asarray(expected)).max() <= tolerance


def png(width: int, height: int, depth: int, kind: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG written by hand, for the kinds of pixels Pillow does not write."""
    stride = len(rows) // height
    lines = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride))
    header = struct.pack(">LLBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(lines))]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, chunk(b"IEND", b"")])


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def quadrants() -> Image.Image:
    """32 x 48, and no two of its eight orientations alike: red, green over blue, white."""
    image = Image.new("RGB", (32, 48), WHITE)
    image.paste(RED, (0, 0, 16, 24))
    image.paste(GREEN, (16, 0, 32, 24))
    image.paste(BLUE, (0, 24, 16, 48))
    return image


UPRIGHT = {
    # How a viewer shows quadrants() under each EXIF orientation: its corners, row by row.
    1: (RED, GREEN, BLUE, WHITE),
    2: (GREEN, RED, WHITE, BLUE),
    3: (WHITE, BLUE, GREEN, RED),
    4: (BLUE, WHITE, RED, GREEN),
    5: (RED, BLUE, GREEN, WHITE),
    6: (BLUE, RED, WHITE, GREEN),
    7: (WHITE, GREEN, BLUE, RED),
    8: (GREEN, WHITE, RED, BLUE),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "AVIF"])
def test_exif_orientation_is_applied_once(format_: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"quality": 95}
    if format_ == "JPEG":
        options["subsampling"] = 0
    checked = decode(saved(quadrants(), format_, exif=exif.tobytes(), **options))
    width, height = (48, 32) if orientation >= 5 else (32, 48)
    assert (checked.width, checked.height) == (width, height)
    assert checked.rgb.shape == (height, width, 3)
    corners = checked.rgb[[4, 4, -5, -5], [4, -5, 4, -5]]
    assert_near(corners, UPRIGHT[orientation], 12)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_webp_is_not_turned_but_how_others_show_it_is_known(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    checked = decode(saved(quadrants(), "WEBP", lossless=True, exif=exif.tobytes()))
    assert_near(checked.rgb, np.asarray(quadrants()))
    (other,) = checked.others
    assert other.name == "turned"
    corners = other.rgb[[4, 4, -5, -5], [4, -5, 4, -5]]
    assert_near(corners, UPRIGHT[orientation], 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_read_in_both_byte_orders(order: str) -> None:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHLHH", 0x0112, 3, 1, 3, 0)
    exif = magic + struct.pack(order + "LH", 8, 1) + entry + bytes(4)
    checked = decode(saved(quadrants(), "PNG", exif=b"Exif\0\0" + exif))
    assert_near(checked.rgb[[4, -5], [4, -5]], (WHITE, RED))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    checked = decode(saved(quadrants(), "PNG", exif=exif.tobytes()))
    assert_near(checked.rgb, np.asarray(quadrants()))


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0junk"])
def test_damaged_exif_leaves_the_image_as_stored(exif: bytes) -> None:
    checked = decode(saved(quadrants(), "JPEG", exif=exif))
    assert (checked.width, checked.height) == (32, 48)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_transparency_comes_out_on_white(format_: str) -> None:
    image = Image.new("RGBA", (48, 16), (255, 0, 0, 255))
    image.paste((255, 0, 0, 128), (16, 0, 32, 16))
    image.paste((255, 0, 0, 0), (32, 0, 48, 16))
    options: dict[str, object] = {"lossless": True, "exact": True} if format_ == "WEBP" else {}
    if format_ == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4"}
    rgb = decode(saved(image, format_, **options)).rgb
    assert_near(rgb[8, [8, 24, 40]], [(255, 0, 0), (255, 127, 127), WHITE], 3)


def test_grey_with_transparency_comes_out_on_white() -> None:
    image = Image.new("LA", (2, 1), (40, 255))
    image.putpixel((1, 0), (40, 0))
    assert_near(decode(saved(image, "PNG")).rgb, [[(40, 40, 40), WHITE]])


def test_premultiplied_grey_is_not_darkened_twice() -> None:
    image = Image.new("LA", (1, 1), (200, 128)).convert("La")
    page = to_srgb(image, Colours())
    assert_near(np.asarray(page), 227, 2)


def palette_image() -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, 10, 20, 30])
    image.putdata([0, 1, 2])
    return image


@pytest.mark.parametrize("format_", ["PNG", "GIF", "BMP", "TIFF"])
def test_palettes_are_looked_up(format_: str) -> None:
    assert_near(decode(saved(palette_image(), format_)).rgb, [[RED, GREEN, (10, 20, 30)]])


@pytest.mark.parametrize("format_", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(format_: str) -> None:
    file = saved(palette_image(), format_, transparency=1)
    assert_near(decode(file).rgb, [[RED, WHITE, (10, 20, 30)]])


def test_a_half_transparent_palette_entry_is_mixed_with_white() -> None:
    file = saved(palette_image(), "PNG", transparency=bytes([255, 0, 128]))
    assert_near(decode(file).rgb, [[RED, WHITE, (132, 137, 142)]], 1)


def test_a_transparent_colour_without_a_palette_is_white() -> None:
    rows = bytes([*RED, 1, 2, 3])
    file = png(2, 1, 8, 2, rows, chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    assert_near(decode(file).rgb, [[RED, WHITE]])


@pytest.mark.parametrize("mode", ["1", "L"])
@pytest.mark.parametrize("format_", ["PNG", "GIF", "TIFF", "BMP", "WEBP", "JPEG"])
def test_grey_is_the_same_in_all_channels(format_: str, mode: str) -> None:
    image = Image.new("L", (16, 16), 0)
    image.paste(255, (8, 0, 16, 16))
    rgb = decode(saved(image.convert(mode), format_)).rgb
    assert_near(rgb[8, [2, 13]], [(0, 0, 0), WHITE], 3)


SIXTEEN = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
EIGHT = np.array([0, 0, 1, 128, 255])


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_cut(format_: str) -> None:
    rgb = decode(saved(Image.fromarray(SIXTEEN), format_)).rgb
    assert_near(rgb[0], EIGHT[:, None].repeat(3, axis=1), 1)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_big_endian_16_bit_grey_is_scaled(compression: str) -> None:
    image = Image.frombytes("I;16B", (5, 1), SIXTEEN.astype(">u2").tobytes())
    rgb = decode(saved(image, "TIFF", compression=compression)).rgb
    assert_near(rgb[0, :, 0], EIGHT, 1)


def test_16_bit_colour_is_scaled() -> None:
    rows = np.array([[0, 32768, 65535], [256, 514, 65000]], ">u2").tobytes()
    assert_near(decode(png(2, 1, 16, 2, rows)).rgb, [[(0, 128, 255), (1, 2, 253)]], 1)


def test_16_bit_transparency_comes_out_on_white() -> None:
    rows = np.array([[0, 0, 65535, 65535], [0, 0, 65535, 0]], ">u2").tobytes()
    assert_near(decode(png(2, 1, 16, 6, rows)).rgb, [[BLUE, WHITE]])
    grey = np.array([[32768, 65535], [1000, 0]], ">u2").tobytes()
    assert_near(decode(png(2, 1, 16, 4, grey)).rgb, [[(128, 128, 128), WHITE]], 1)
    key = chunk(b"tRNS", struct.pack(">H", 1000))
    rows = np.array([32768, 1000], ">u2").tobytes()
    assert_near(decode(png(2, 1, 16, 0, rows, key)).rgb, [[(128, 128, 128), WHITE]], 1)


def test_12_bit_tiff_has_white_at_4095() -> None:
    # Two samples in three bytes: 0x000, 0xFFF, 0x800, 0x400.
    strip = bytes([0x00, 0x0F, 0xFF, 0x80, 0x04, 0x00])
    tags = [(256, 4), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (278, 1), (279, 6)]
    entries = b"".join(struct.pack("<HHLHH", tag, 3, 1, value, 0) for tag, value in tags)
    file = b"II*\0" + struct.pack("<L", 14) + strip + struct.pack("<H", len(tags)) + entries
    assert_near(decode(file + bytes(4)).rgb[0, :, 0], (0, 255, 128, 64), 1)


@pytest.mark.parametrize(
    "samples",
    [
        np.array([[-2.0, 0.0, 2.0, np.nan]], np.float32),
        np.array([[-70_000, 0, 70_000, -70_000]], np.int32),
    ],
)
def test_32_bit_samples_are_stretched_to_their_extent(samples: NDArray[np.generic]) -> None:
    rgb = decode(saved(Image.fromarray(samples), "TIFF")).rgb
    assert_near(rgb[0, :3, 0], (0, 128, 255), 1)


def test_samples_that_are_all_alike_come_out_black() -> None:
    flat = Image.fromarray(np.full((2, 2), 7.0, np.float32))
    assert_near(decode(saved(flat, "TIFF")).rgb, 0)


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_printing_inks_become_light(format_: str) -> None:
    image = Image.new("CMYK", (32, 16), (0, 255, 255, 0))
    image.paste((0, 0, 0, 255), (16, 0, 32, 16))
    options = {"quality": 95} if format_ == "JPEG" else {}
    rgb = decode(saved(image, format_, **options)).rgb
    assert_near(rgb[8, [4, 28]], [RED, (0, 0, 0)], 8)


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_models_of_tiff_become_rgb(mode: str) -> None:
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        way = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
        image = way.apply(Image.new("RGB", (8, 8), (200, 100, 50)))
    else:
        image = Image.new("RGB", (8, 8), (200, 100, 50)).convert("YCbCr")
    assert_near(decode(saved(image, "TIFF")).rgb, (200, 100, 50), 4)


def rgb_profile(red: int, green: int, blue: int, space: bytes = b"RGB ") -> bytes:
    """A minimal ICC profile whose channels have the colours of sRGB's channels of these numbers."""
    colourants = [(0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)]

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">l", round(v * 65536)) for v in values)

    curve = b"curv" + bytes(4) + struct.pack(">LHH", 1, round(2.2 * 256), 0)
    name = b"desc" + bytes(4) + struct.pack(">L", 2) + b"x\0" + bytes(80)
    tags = {
        b"desc": name + bytes(-len(name) % 4),
        b"cprt": b"text" + bytes(4) + b"free\0\0\0\0",
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        b"rXYZ": xyz(colourants[red]),
        b"gXYZ": xyz(colourants[green]),
        b"bXYZ": xyz(colourants[blue]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, offset = struct.pack(">L", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        table += tag + struct.pack(">LL", offset + len(body), len(value))
        body += value
    head = struct.pack(">L4sL4s", offset + len(body), b"lcms", 0x02400000, b"mntr")
    head += (
        space + b"XYZ " + bytes(12) + b"acsp" + bytes(28) + struct.pack(">lll", 63190, 65536, 54061)
    )
    return head + bytes(128 - len(head)) + table + body


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_colour_profile_is_applied(format_: str) -> None:
    """In a profile whose first channel is green, a file full of first channel shows green."""
    options: dict[str, object] = {"lossless": True} if format_ == "WEBP" else {"quality": 95}
    image = Image.new("RGB", (16, 16), RED)
    file = saved(image, format_, icc_profile=rgb_profile(1, 0, 2), **options)
    assert_near(decode(file).rgb, GREEN, 6)
    assert_near(decode(saved(image, format_, **options)).rgb, RED, 6)


def test_a_colour_profile_is_applied_under_transparency() -> None:
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), (*RED, 0))
    rgb = decode(saved(image, "PNG", icc_profile=rgb_profile(2, 1, 0))).rgb
    assert_near(rgb, [[BLUE, WHITE]], 3)


def test_a_profile_that_is_srgb_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (20, 20, 3), np.uint8))
    assert_near(decode(saved(image, "PNG", icc_profile=profile)).rgb, np.asarray(image))


@pytest.mark.parametrize(
    "profile",
    [b"junk", bytes(200), rgb_profile(1, 0, 2)[:300], rgb_profile(1, 0, 2, space=b"CMYK")],
)
def test_a_profile_that_is_damaged_or_for_other_inks_is_ignored(profile: bytes) -> None:
    image = Image.new("RGB", (4, 4), (200, 100, 50))
    for format_ in ("PNG", "TIFF"):
        assert_near(decode(saved(image, format_, icc_profile=profile)).rgb, (200, 100, 50))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "CMYK", "I;16", "F"])
def test_large_images_are_converted_in_bands_without_a_seam(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    image = Image.fromarray(rng.integers(0, 256, (37, 29, 3), np.uint8))
    if mode == "RGBA":
        image.putalpha(image.convert("L"))
    elif mode == "P":
        image = image.quantize(16)
    elif mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (37, 29), np.uint16))
    else:
        image = image.convert(mode)
    for factor in (1, 2, 8):
        whole = to_srgb(image, Colours(), factor=factor)
        assert whole.size == (-(-29 // factor), -(-37 // factor))
        with monkeypatch.context() as patch:
            patch.setattr("embeddings.files.srgb._BAND_PIXELS", 29 * factor * 2)
            banded = to_srgb(image, Colours(), factor=factor)
        assert_near(np.asarray(banded), np.asarray(whole))
