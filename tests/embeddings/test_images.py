"""Untrusted bytes become checked pixels or a named error, at bounded cost."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from embeddings.errors import (
    EmptyFileError,
    FileTooLargeError,
    ImageError,
    OutOfMemoryError,
    TooManyFramesError,
    TooManyPixelsError,
    UnreadableImageError,
    UnsupportedImageError,
)
from embeddings.files import images
from embeddings.files.images import (
    MAX_SIDE,
    MIN_REDUCED_SIDE,
    CheckedImage,
    ImageLimits,
    decode,
    reduction,
)
from embeddings.hashes.pdq import pdq
from embeddings.hashes.structure import structure
from embeddings.network.encoder import prepare
from evaluation.corpora import samples

# On some damaged files Pillow's TIFF reader warns before it gives up or carries on.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    "jpeg": ("JPEG", {"quality": 90}),
    "progressive jpeg": ("JPEG", {"quality": 90, "progressive": True}),
    "png": ("PNG", {"compress_level": 1}),
    "webp": ("WEBP", {"quality": 90, "method": 0}),
    "lossless webp": ("WEBP", {"lossless": True, "method": 0, "quality": 0}),
    "gif": ("GIF", {}),
    "avif": ("AVIF", {"quality": 90, "speed": 10}),
    "tiff": ("TIFF", {}),
    "lzw tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "deflate tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "jpeg tiff": ("TIFF", {"compression": "jpeg"}),
    "big tiff": ("TIFF", {"big_tiff": True}),
    "bmp": ("BMP", {}),
}
ANIMATED: dict[str, tuple[str, dict[str, object]]] = {
    "gif": ("GIF", {}),
    "webp": ("WEBP", {"lossless": True}),
    "png": ("PNG", {}),
    "avif": ("AVIF", {}),
    "tiff": ("TIFF", {}),
}


def named(name: str) -> Image.Image:
    return samples.photograph(name).image


def photograph(width: int = 96, height: int = 64) -> Image.Image:
    return named("cat").resize((width, height))


def encoded(image: Image.Image, kind: str, **more: object) -> bytes:
    format_, options = FORMATS[kind]
    buffer = io.BytesIO()
    image.save(buffer, format_, **{**options, **more})
    return buffer.getvalue()


def animated(kind: str, frames: int = 3) -> bytes:
    """Frames that differ: red first, then blue ones."""
    format_, options = ANIMATED[kind]
    first = Image.new("RGB", (40, 30), "red")
    others = [Image.new("RGB", (40, 30), (0, 0, 255 - 9 * n)) for n in range(frames - 1)]
    buffer = io.BytesIO()
    first.save(buffer, format_, save_all=True, append_images=others, **options)
    return buffer.getvalue()


def png(width: int, height: int, pixels: bytes, depth: int = 1) -> bytes:
    """A grey PNG with ``depth`` bits a pixel, its data given compressed."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", checksum)

    header = struct.pack(">LLBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    )


def announcing(kind: str, width: int, height: int) -> bytes:
    """A small valid file whose header is changed to announce another size."""
    old_width, old_height = 93, 61
    file = encoded(photograph(old_width, old_height), kind)
    old, new, at = {
        "jpeg": (">HH", (height, width), b"\xff\xc0\0\x11\x08"),
        "progressive jpeg": (">HH", (height, width), b"\xff\xc2\0\x11\x08"),
        "png": (">LL", (width, height), b"IHDR"),
        "gif": ("<HH", (width, height), b"GIF87a"),
        "avif": (">LL", (width, height), b"ispe\0\0\0\0"),
        "bmp": ("<ll", (width, height), struct.pack("<L", 40)),
    }[kind]
    position = file.index(at) + len(at)
    before = (old_width, old_height)
    assert sorted(struct.unpack_from(old, file, position)) == sorted(before)
    changed = bytearray(file)
    struct.pack_into(old, changed, position, *new)
    if kind == "png":
        struct.pack_into(">L", changed, 29, zlib.crc32(changed[12:29]))
    return bytes(changed)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_comes_out_as_the_picture_that_went_in(kind: str) -> None:
    image = photograph()
    checked = decode(encoded(image, kind))
    assert checked.rgb.shape == (64, 96, 3)
    assert (checked.width, checked.height) == (96, 64)
    assert checked.format == kind.split()[-1]
    assert checked.rgb.dtype == np.uint8
    assert checked.rgb.flags.c_contiguous
    error = np.abs(checked.rgb.astype(int) - np.asarray(image)).mean()
    assert error < 5


@pytest.mark.parametrize("kind", FORMATS)
def test_one_pixel_is_an_image(kind: str) -> None:
    checked = decode(encoded(Image.new("RGB", (1, 1), (250, 250, 250)), kind))
    assert checked.rgb.shape == (1, 1, 3)
    assert np.abs(checked.rgb.astype(int) - 250).max() <= 8


def test_no_bytes_are_an_empty_file() -> None:
    with pytest.raises(EmptyFileError) as caught:
        decode(b"")
    assert caught.value.code == "empty_file"


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"A page of text that someone named picture.jpg",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7 and more",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"RIFF\0\0\0\0WAVEfmt ",
        bytes(10_000),
    ],
)
def test_what_is_no_image_we_read_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        decode(data)
    assert caught.value.code == "unsupported_image"


@pytest.mark.parametrize("format_", ["PPM", "TGA", "ICO", "PCX", "SGI", "JPEG2000"])
def test_other_formats_pillow_reads_stay_shut(format_: str) -> None:
    buffer = io.BytesIO()
    photograph().save(buffer, format_)
    with pytest.raises(UnsupportedImageError):
        decode(buffer.getvalue())


READ_IN_PART = {"jpeg", "progressive jpeg", "png", "bmp"}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes_or_not_at_all(kind: str) -> None:
    """Cut anywhere, a file gives its whole picture, nine tenths of its rows and says so, or an
    error."""
    file = encoded(photograph(), kind)
    whole = decode(file).rgb
    outcomes = set()
    most = len(file) * 19 // 20
    for kept in [*range(1, most, len(file) // 60), *range(most, len(file))]:
        try:
            checked = decode(file[:kept])
        except (UnreadableImageError, UnsupportedImageError):
            outcomes.add("error")
            continue
        assert checked.rgb.shape == whole.shape
        outcomes |= set(checked.doubts)
        if kind in {"png", "jpeg"}:
            assert np.array_equal(checked.rgb[:40], whole[:40])
        if not checked.doubts:
            assert np.array_equal(checked.rgb, whole)
    assert "error" in outcomes
    assert ("truncated" in outcomes) is (kind in READ_IN_PART)


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "png", "gif", "avif", "bmp"])
def test_a_header_of_100_megapixels_is_refused_by_default(kind: str) -> None:
    with pytest.raises(TooManyPixelsError) as caught:
        decode(announcing(kind, 10_000, 10_000))
    assert caught.value.code == "too_many_pixels"


def test_a_webp_canvas_of_100_megapixels_is_refused_before_it_is_made() -> None:
    file = bytearray(animated("webp"))
    assert file[12:16] == b"VP8X"
    file[24:30] = (9_999).to_bytes(3, "little") * 2
    with pytest.raises(TooManyPixelsError):
        decode(bytes(file))


@pytest.mark.parametrize("kind", ["tiff", "big tiff"])
def test_a_tiff_of_100_megapixels_is_refused(kind: str) -> None:
    file = encoded(Image.new("L", (10_000, 10_000)), "lzw tiff", big_tiff=kind == "big tiff")
    with pytest.raises(TooManyPixelsError):
        decode(file)


def test_a_small_file_that_unpacks_to_a_huge_image_is_refused() -> None:
    """A decompression bomb: 50 kB of PNG that hold 400 million pixels."""
    squeezed = zlib.compress(bytes(20_000 * (20_000 // 8 + 1)), 9)
    assert len(squeezed) < 100_000
    with pytest.raises(TooManyPixelsError):
        decode(png(20_000, 20_000, squeezed))


@pytest.mark.parametrize(("width", "height"), [(65_536, 1), (1, 65_536), (2**24, 4)])
def test_a_side_longer_than_a_jpeg_can_have_is_refused(width: int, height: int) -> None:
    """A few kilobytes that are within the limit on pixels; but work is done for each column."""
    squeezed = zlib.compress(bytes((width // 8 + 1) * height), 9)
    with pytest.raises(TooManyPixelsError, match="a side may have 65535"):
        decode(png(width, height, squeezed))


def test_the_longest_side_there_is_costs_little() -> None:
    """Every signal of it together: tens of megabytes, not gigabytes."""
    width, height = MAX_SIDE, 64
    rgb = decode(png(width, height, zlib.compress(bytes((-(-width // 8) + 1) * height), 9))).rgb
    assert rgb.shape == (height, width, 3)
    page = np.zeros((1, 24, 24), np.float32)
    page[:, 2:20, 3:20] = 1
    tracemalloc.start()
    try:
        prepare([rgb], 112, lambda _: page)
        structure(rgb)
        pdq(rgb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300 * 2**20


def test_running_out_of_memory_is_not_the_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(images, "_decode", exhausted)
    with pytest.raises(OutOfMemoryError) as caught:
        decode(encoded(photograph(), "png"))
    assert caught.value.code == "out_of_memory"


@pytest.mark.parametrize("kind", ANIMATED)
def test_frames_are_counted(kind: str) -> None:
    assert decode(animated(kind, frames=5)).frames == 5
    assert decode(encoded(photograph(), "jpeg")).frames == 1


def test_an_animated_pngs_picture_may_be_none_of_its_frames() -> None:
    """Browsers show one frame, decoders another picture: that is two."""
    file = animated("png", frames=2)
    assert decode(file).frames == 2
    # Without its control chunk before the data, the default image is not the first frame.
    at = file.index(b"fcTL") - 4
    assert decode(file[:at] + file[at + 38 :]).frames == 3


def test_data_beyond_the_announced_size_is_not_unpacked() -> None:
    """A header of 8 x 8 pixels over data for a gigabyte costs 8 x 8 pixels."""
    deflate = zlib.compressobj(9)
    squeezed = b"".join(deflate.compress(bytes(2**20)) for _ in range(64)) + deflate.flush()
    assert decode(png(8, 8, squeezed, depth=8)).rgb.shape == (8, 8, 3)


def test_a_file_of_too_many_bytes_is_refused_unread() -> None:
    file = encoded(photograph(), "png")
    assert decode(file, ImageLimits(max_bytes=len(file))).format == "png"
    with pytest.raises(FileTooLargeError) as caught:
        decode(file, ImageLimits(max_bytes=len(file) - 1))
    assert caught.value.code == "file_too_large"
    assert str(caught.value) == f"files of more than {len(file) - 1} bytes are not read"


@pytest.mark.parametrize("kind", FORMATS)
def test_the_limit_on_pixels_is_inclusive(kind: str) -> None:
    file = encoded(photograph(), kind)
    assert decode(file, ImageLimits(max_pixels=96 * 64)).width == 96
    with pytest.raises(TooManyPixelsError):
        decode(file, ImageLimits(max_pixels=96 * 64 - 1))


@pytest.mark.parametrize("kind", ANIMATED)
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    rgb = decode(animated(kind)).rgb
    assert rgb.shape == (30, 40, 3)
    assert np.abs(rgb.astype(int) - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize("kind", ANIMATED)
def test_the_limit_on_frames_is_inclusive(kind: str) -> None:
    file = animated(kind, frames=5)
    assert decode(file, ImageLimits(max_frames=5)).width == 40
    with pytest.raises(TooManyFramesError) as caught:
        decode(file, ImageLimits(max_frames=4))
    assert caught.value.code == "too_many_frames"


@pytest.mark.parametrize(
    "limits",
    [{"max_bytes": 0}, {"max_pixels": -1}, {"max_frames": 0}, {"max_pixels": 200_000_000}],
)
def test_limits_that_cannot_be_kept_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"max_pixels|at least 1"):
        ImageLimits(**limits)


def mutated(files: dict[str, bytes], count: int) -> Iterator[tuple[str, bytes]]:
    """Files with bytes changed, cut off, inserted or removed; the same ones in every run."""
    chance = random.Random(20)
    for turn in range(count):
        kind = list(files)[turn % len(files)]
        file = bytearray(files[kind])
        at = chance.randrange(len(file))
        match chance.randrange(5):
            case 0:
                for _ in range(chance.choice([1, 2, 4, 16])):
                    file[chance.randrange(len(file))] = chance.randrange(256)
            case 1:
                del file[at:]
            case 2:
                file[at:at] = chance.randbytes(chance.randrange(1, 64))
            case 3:
                del file[at : at + chance.randrange(1, 64)]
            case _:
                # Headers stand first, and extreme numbers do the most there.
                for _ in range(3):
                    file[chance.randrange(min(len(file), 200))] = chance.choice([0, 127, 128, 255])
        yield kind, bytes(file)


def test_mutations_of_valid_files_give_a_picture_or_a_named_error() -> None:
    files = {kind: encoded(photograph(), kind) for kind in FORMATS}
    files |= {f"animated {kind}": animated(kind) for kind in ANIMATED}
    exif = Image.Exif()
    exif[0x0112] = 6
    files |= {f"turned {kind}": encoded(photograph(), kind, exif=exif) for kind in ("jpeg", "png")}
    outcomes: dict[str, int] = {}
    for _, file in mutated(files, 600):
        try:
            checked = decode(file)
        except ImageError as error:
            outcomes[error.code] = outcomes.get(error.code, 0) + 1
        else:
            assert checked.rgb.ndim == 3
            outcomes["picture"] = outcomes.get("picture", 0) + 1
    assert outcomes["picture"] > 50
    assert outcomes["unreadable_image"] > 50


@pytest.mark.parametrize(
    ("width", "height", "factor"),
    [
        (1, 1, 1),
        (1000, 1000, 1),
        (1500, 1023, 1),
        (1024, 1024, 2),
        (4000, 3000, 4),
        (30_000, 800, 1),
        (9_248, 6_944, 8),
    ],
)
def test_only_images_beyond_a_megapixel_are_reduced(width: int, height: int, factor: int) -> None:
    assert reduction(width, height) == reduction(height, width) == factor
    assert factor == 1 or min(width, height) // factor >= MIN_REDUCED_SIDE


def bits_apart(left: bytes, right: bytes) -> int:
    return int(
        np.bitwise_count(np.frombuffer(left, np.uint8) ^ np.frombuffer(right, np.uint8)).sum()
    )


def mosaic(width: int, height: int) -> Image.Image:
    """A large image with detail everywhere: four photographs side by side."""
    page = Image.new("RGB", (width, height))
    for place, name in enumerate(["cat", "coffee", "bricks", "launchpad"]):
        part = named(name).resize((-(-width // 2), -(-height // 2)), Image.Resampling.BICUBIC)
        page.paste(part, (place % 2 * (width // 2), place // 2 * (height // 2)))
    return page


@pytest.mark.parametrize(
    ("kind", "width", "height"),
    [
        ("jpeg", 1201, 1025),
        ("progressive jpeg", 2050, 2303),
        ("jpeg", 4099, 4097),
        ("png", 1539, 1024),
        ("webp", 1300, 1100),
    ],
)
def test_the_pdq_of_a_reduced_image_is_that_of_the_full_one(
    kind: str, width: int, height: int
) -> None:
    file = encoded(mosaic(width, height), kind)
    checked = decode(file)
    assert (checked.width, checked.height) == (width, height)
    factor = reduction(width, height)
    assert factor > 1
    assert checked.rgb.shape == (-(-height // factor), -(-width // factor), 3)
    full: NDArray[np.uint8] = np.array(Image.open(io.BytesIO(file)).convert("RGB"))
    reduced = pdq(checked.rgb, (checked.width, checked.height))
    assert bits_apart(reduced.hash, pdq(full).hash) <= 4
    assert abs(reduced.quality - pdq(full).quality) <= 1


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize(("width", "height", "factor"), [(1536, 1040, 2), (1033, 1531, 1)])
def test_a_turned_image_is_reduced_only_if_its_pdq_stays(
    width: int, height: int, factor: int, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(mosaic(width, height), "jpeg", exif=exif)
    checked = decode(file)
    assert reduction(width, height, orientation) == factor
    assert max(checked.rgb.shape) == max(width, height) // factor
    full = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    hashed = pdq(checked.rgb, (checked.width, checked.height)).hash
    assert bits_apart(hashed, pdq(np.array(full)).hash) <= 4


def test_a_reduced_image_is_the_same_in_every_format() -> None:
    image = mosaic(1400, 1100)
    expected = np.asarray(image.reduce(2), int)
    for kind in ("jpeg", "png", "webp", "tiff", "bmp"):
        assert np.abs(decode(encoded(image, kind)).rgb - expected).mean() < 3, kind


def test_threads_decode_side_by_side() -> None:
    files = [encoded(photograph(40 + n, 50), kind) for n, kind in enumerate(FORMATS)]
    expected = [decode(file).rgb for file in files]
    wrong: list[int] = []

    def work() -> None:
        for turn, file in enumerate(files):
            if not np.array_equal(decode(file).rgb, expected[turn]):
                wrong.append(turn)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_global_in_pillow_is_changed() -> None:
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    checked: CheckedImage = decode(encoded(photograph(), "jpeg"))
    assert checked.format == "jpeg"
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


_MEASURE = """
import io, resource, sys
from embeddings.errors import ImageError
from embeddings.files.images import decode

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

data = sys.stdin.buffer.read()
decode({warm!r})
before = peak()
try:
    decode(data)
except ImageError:
    pass
print(peak() - before)
"""


@pytest.mark.parametrize("kind", ["png", "webp", "lossless webp", "avif", "progressive jpeg"])
def test_memory_stays_within_17_bytes_a_pixel(kind: str) -> None:
    """Measured on a process of its own, for the decoders allocate outside Python."""
    image = mosaic(1600, 1500)
    if kind.endswith("webp"):
        image.putalpha(image.convert("L"))
    file = encoded(image, kind)
    script = _MEASURE.format(warm=encoded(photograph(), kind))
    done = subprocess.run(
        [sys.executable, "-c", script], input=file, capture_output=True, check=True
    )
    assert int(done.stdout) < 17 * 1600 * 1500 + 3 * len(file) + 16 * 2**20
