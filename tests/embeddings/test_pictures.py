"""A file that can pass for several pictures is known by each of them, or says that it is not."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from embeddings.errors import UnreadableImageError
from embeddings.figures import MIN_STRUCTURE
from embeddings.files.images import ImageLimits, decode
from embeddings.files.pictures import MOST
from embeddings.fingerprint import Fingerprinter
from embeddings.hashes.pdq import pdq
from embeddings.network.encoder import load_encoder
from embeddings.network.imagery import load_imagery
from evaluation.corpora.samples import photograph
from tests.embeddings.matrix import png_files, profiles
from tests.embeddings.matrix.picture import levels, linear


def picture(name: str, width: int = 320, height: int = 240) -> Image.Image:
    """Without the profile that the sample has."""
    return Image.fromarray(
        np.asarray(photograph(name).image.convert("RGB").resize((width, height)))
    )


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, **options)
    return buffer.getvalue()


def with_thumbnail(thumbnail: bytes) -> bytes:
    """An EXIF block that holds a picture of its own."""
    first = struct.pack("<HHHLHHL", 1, 0x0112, 3, 1, 1, 0, 26)
    at = 8 + len(first) + 30
    second = struct.pack("<HHHLLHHLLL", 2, 0x0201, 4, 1, at, 0x0202, 4, 1, len(thumbnail), 0)
    return b"Exif\0\0II*\0" + struct.pack("<L", 8) + first + second + thumbnail


def mpo(first: bytes, *others: bytes) -> bytes:
    """JPEG files in one, with an index of them at its beginning."""
    index = 8 + 2 + 12 + 4 + 16 * (1 + len(others))
    base = 2 + 4 + 4  # where the index begins: after the start, the marker, its length and its name
    entries = struct.pack("<LLLL", 0x20030000, len(first), 0, 0)
    offset = 8 + index + len(first) - base
    for other in others:
        entries += struct.pack("<LLLL", 0, len(other), offset, 0)
        offset += len(other)
    head = b"II*\0" + struct.pack("<LHHHLLL", 8, 1, 0xB002, 7, len(entries), 26, 0)
    segment = b"\xff\xe2" + struct.pack(">H", 6 + index) + b"MPF\0" + head + entries
    return first[:2] + segment + first[2:] + b"".join(others)


def away(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    hashes = [np.frombuffer(pdq(rgb).hash, np.uint8) for rgb in (one, other)]
    return int(np.bitwise_count(hashes[0] ^ hashes[1]).sum())


def line_art() -> Image.Image:
    """White lines on nothing."""
    image = Image.new("RGBA", (320, 240), (255, 255, 255, 0))
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 30, 260, 220), outline="white", width=6)
    pen.rectangle((110, 90, 200, 160), outline="white", width=6)
    pen.line((20, 200, 300, 50), "white", 6)
    return image


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def fingerprinter() -> Fingerprinter:
    return Fingerprinter([load_encoder("cpu")], load_imagery())


def test_an_ordinary_file_shows_one_picture() -> None:
    image = picture("cat")
    for file in (jpeg(image), png(image), png(image.convert("RGBA")), png(image.convert("P"))):
        checked = decode(file)
        assert (checked.others, checked.doubts) == ((), ())


def test_a_cover_that_only_gamma_lifts_hides_nothing() -> None:
    """The trick: almost black numbers under a gamma that makes a picture of them, over a cover."""
    cat, cup = (np.asarray(picture(name)) / 255 for name in ("cat", "coffee"))
    gamma = 0.05
    secret = linear(cat) ** gamma  # near white in every program that knows no gamma
    file = png_files.png(levels(secret), 8, png_files.RGB, png_files.gama(gamma))
    checked = decode(file)
    assert away(checked.rgb, np.asarray(picture("cat"))) <= 10
    assert [other.name for other in checked.others] == ["stored_colours"]
    assert cup.shape == cat.shape


def test_a_profile_that_shows_another_picture_is_known_by_both() -> None:
    image = picture("cat")
    swapped = (profiles.SRGB_XY[2], profiles.SRGB_XY[0], profiles.SRGB_XY[1])
    steep = profiles.icc(swapped, 12.0)
    checked = decode(jpeg(image, icc_profile=steep))
    (stored,) = checked.others
    assert stored.name == "stored_colours"
    assert away(stored.rgb, np.asarray(image)) <= 4
    assert away(checked.rgb, np.asarray(image)) > 10


def test_profiles_in_use_make_no_second_picture() -> None:
    image = picture("coffee")
    for primaries in (profiles.P3_XY, profiles.SRGB_XY):
        assert decode(jpeg(image, icc_profile=profiles.icc(primaries, 2.2))).others == ()


def test_16_bits_under_a_steep_profile_are_in_doubt() -> None:
    """Eight bits of them do not show what is there; of 8 there are no more."""
    profile = png_files.iccp(profiles.icc(profiles.SRGB_XY, 60.0))
    for depth in (8, 16):
        numbers = levels(np.asarray(picture("cat")) / 255, 2**depth - 1)
        checked = decode(png_files.png(numbers, depth, png_files.RGB, profile))
        assert ("ambiguous_picture" in checked.doubts) is (depth == 16)


def test_what_is_white_on_nothing_is_known_as_it_is_on_black(fingerprinter: Fingerprinter) -> None:
    """Dark pages show it; on white there is nothing to compare."""
    on_black = Image.new("RGB", (320, 240))
    on_black.paste(line_art(), mask=line_art())
    made = fingerprinter.fingerprint(png(line_art()))
    right = fingerprinter.fingerprint(png(on_black))
    assert (made.pdq, made.codes, made.structure) == (right.pdq, right.codes, right.structure)
    assert made.structure >= MIN_STRUCTURE
    assert made.others == ()


def test_what_differs_by_its_ground_has_the_signals_of_both(fingerprinter: Fingerprinter) -> None:
    cat, cup = (np.asarray(picture(name), np.int64) for name in ("cat", "coffee"))
    # On white the one picture, on black the other: white - a (1 - c) and a c.
    light, dark = 128 + cat // 2, cup // 2
    alpha = np.clip(255 - (light - dark).mean(axis=2), 1, 255)
    colour = np.clip(dark * 255 / alpha[..., None], 0, 255)
    mirage = np.dstack((colour, alpha)).astype(np.uint8)
    made = fingerprinter.fingerprint(png(Image.fromarray(mirage)))
    assert [other.name for other in made.others] == ["on_black"]
    for signals, name in ((made.pdq, "cat"), (made.others[0].pdq, "coffee")):
        right = np.frombuffer(
            pdq(np.asarray(picture(name).convert("L").convert("RGB"))).hash, np.uint8
        )
        assert np.bitwise_count(right ^ np.frombuffer(signals, np.uint8)).sum() <= 31


@pytest.mark.parametrize(("shape", "bars"), [((160, 120), 0), ((160, 160), 20)])
def test_a_thumbnail_of_the_picture_itself_is_no_second_picture(
    shape: tuple[int, int], bars: int
) -> None:
    """Bars round it or not."""
    image = picture("cat")
    thumbnail = Image.new("RGB", shape)
    thumbnail.paste(image.resize((160, 120)), (0, bars))
    assert decode(jpeg(image, exif=with_thumbnail(jpeg(thumbnail)))).others == ()


def test_a_thumbnail_of_another_picture_is_known() -> None:
    """File managers and galleries show it."""
    small = picture("coffee", 160, 120)
    checked = decode(jpeg(picture("cat"), exif=with_thumbnail(jpeg(small))))
    (other,) = checked.others
    assert (other.name, other.width, other.height) == ("thumbnail", 160, 120)
    assert away(other.rgb, np.asarray(small)) <= 10


def test_the_second_picture_of_an_mpo_is_known() -> None:
    buffer = io.BytesIO()
    picture("cat").save(buffer, "MPO", save_all=True, append_images=[picture("coffee")])
    (other,) = decode(buffer.getvalue()).others
    assert away(other.rgb, np.asarray(picture("coffee"))) <= 10


def test_a_picture_within_that_is_larger_than_the_whole_is_not_decoded_but_told() -> None:
    """What a header announces bounds all the work."""
    file = jpeg(picture("cat"), exif=with_thumbnail(jpeg(Image.new("RGB", (2000, 2000)))))
    checked = decode(file)
    assert (checked.others, checked.doubts) == ((), ("ambiguous_picture",))


@pytest.mark.parametrize(
    "thumbnail", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0junk" * 50, b"", b"GIF89a"]
)
def test_a_thumbnail_that_is_no_picture_is_nothing(thumbnail: bytes) -> None:
    checked = decode(jpeg(picture("cat"), exif=with_thumbnail(thumbnail)))
    assert (checked.others, checked.doubts) == ((), ())


def test_no_more_pictures_are_looked_at_than_the_limit() -> None:
    """A file of eight: so many, and it says that there are more."""
    images = [
        np.roll(np.asarray(picture("coffee", 160, 120)), 40 * number, axis=number % 2)
        for number in range(7)
    ]
    steep = profiles.icc(profiles.SRGB_XY, 12.0)
    first = jpeg(picture("cat", 480, 360), icc_profile=steep)
    checked = decode(mpo(first, *(jpeg(Image.fromarray(image)) for image in images)))
    assert 2 <= len(checked.others) <= MOST
    assert checked.doubts == ("ambiguous_picture",)


def test_a_jpeg_that_lacks_only_its_end_is_read_and_says_so() -> None:
    image = picture("cat")
    for progressive in (False, True):
        file = jpeg(image, progressive=progressive)
        checked = decode(file[:-2])
        assert checked.doubts == ("truncated",)
        assert np.array_equal(checked.rgb, decode(file).rgb)
        assert decode(file).doubts == ()


def test_rows_that_are_missing_are_white() -> None:
    image = picture("cat")
    file = jpeg(image)
    kept = next(n for n in range(len(file) * 95 // 100, len(file), 50) if _is_read(file[:n]))
    checked = decode(file[:kept])
    missing = (checked.rgb == 255).all(axis=(1, 2))
    assert 0 < missing.sum() <= 24
    assert missing[-1]
    assert not missing[:200].any()


def test_a_large_jpeg_that_was_cut_off_is_read_at_its_reduced_size() -> None:
    image = picture("cat", 1600, 1200)
    file = jpeg(image)
    checked = decode(file[: len(file) * 97 // 100])
    assert checked.doubts == ("truncated",)
    assert checked.rgb.shape == (600, 800, 3)


@pytest.mark.parametrize("depth", [1, 8, 16])
def test_a_png_with_a_fault_in_its_data_is_read_up_to_it(depth: int) -> None:
    numbers = levels(np.asarray(picture("cat").convert("L")) / 255, 2**depth - 1)
    file = bytearray(png_files.png(numbers, depth, png_files.GREY))
    whole = decode(bytes(file)).rgb
    file[-40] ^= 0xFF
    checked = decode(bytes(file))
    assert checked.doubts == ("truncated",) or np.array_equal(checked.rgb, whole)
    assert np.array_equal(checked.rgb[:216], whole[:216])


def test_data_that_unpacks_to_far_more_than_was_announced_is_bounded_when_it_is_mended() -> None:
    """No end, and a gigabyte: the reader that goes as far as it can stops at its size."""
    deflate = zlib.compressobj(9)
    squeezed = b"".join(deflate.compress(bytes(2**20)) for _ in range(64))
    header = struct.pack(">LLBBBBB", 8, 8, 8, 0, 0, 0, 0)
    file = (
        b"\x89PNG\r\n\x1a\n" + png_files.chunk(b"IHDR", header) + png_files.chunk(b"IDAT", squeezed)
    )
    assert decode(file, ImageLimits()).rgb.shape == (8, 8, 3)


def _is_read(file: bytes) -> bool:
    try:
        return decode(file).doubts == ("truncated",)
    except UnreadableImageError:
        return False


def test_an_avif_whose_colours_only_its_stream_names_is_in_doubt() -> None:
    buffer = io.BytesIO()
    picture("cat").save(buffer, "AVIF")
    file = buffer.getvalue()
    assert decode(file).doubts == ()
    assert file.count(b"colrnclx") == 1
    checked = decode(file.replace(b"colrnclx", b"freenclx"))
    assert checked.doubts == ("ambiguous_picture",)


def test_a_gif_that_was_cut_off_is_read_unless_its_rows_are_interlaced() -> None:
    for interlace in (False, True):
        buffer = io.BytesIO()
        picture("cat").quantize(64).save(buffer, "GIF", interlace=interlace)
        file = buffer.getvalue()
        whole = decode(file).rgb
        cut = file[: len(file) * 97 // 100]
        if interlace:
            with pytest.raises(UnreadableImageError):
                decode(cut)
            continue
        checked = decode(cut)
        assert checked.doubts == ("truncated",)
        assert np.array_equal(checked.rgb[:216], whole[:216])
