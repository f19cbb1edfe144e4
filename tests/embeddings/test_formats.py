"""Files built to do harm cost no more than a look at their structure, whatever they announce."""

from __future__ import annotations

import io
import itertools
import struct
import sys
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from embeddings.errors import (
    ImageError,
    TooManyFramesError,
    TooManyPixelsError,
    UnreadableImageError,
)
from embeddings.files.formats import inspect
from embeddings.files.formats.jpeg import MAX_SCANS
from embeddings.files.images import ImageLimits, decode


def saved(format_: str, size: tuple[int, int] = (24, 16), **options: object) -> bytes:
    ramp = np.arange(size[0] * size[1] * 3) % 251
    image = Image.fromarray(ramp.astype(np.uint8).reshape(size[1], size[0], 3))
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def same_pixels(file: bytes, plain: bytes) -> bool:
    return np.array_equal(decode(file).rgb, decode(plain).rgb)


def unreadable(file: bytes, message: str) -> None:
    with pytest.raises(UnreadableImageError, match=message):
        decode(file)


# JPEG


def test_jpeg_metadata_of_many_megabytes_does_not_reach_the_decoder() -> None:
    plain = saved("JPEG")
    text = b"\xff\xfe\xff\xff" + bytes(65_533)
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(plain)) + plain
    file = plain[:2] + text * 100 + thumbnail + plain[2:]
    assert len(inspect(file).data) <= len(plain)
    assert same_pixels(file, plain)


@pytest.mark.parametrize("rubbish", [bytes(50_000), b"\xff\0" * 20_000, b"\xff" * 50_000])
def test_jpeg_rubbish_between_segments_is_passed_over(rubbish: bytes) -> None:
    plain = saved("JPEG")
    first = 4 + int.from_bytes(plain[4:6], "big")
    assert same_pixels(plain[:first] + rubbish + plain[first:], plain)
    unreadable(plain[:first] + rubbish * 1000 + plain[first:], "no segment follows")


def test_jpeg_of_endless_segments_is_refused() -> None:
    plain = saved("JPEG")
    unreadable(plain[:2] + b"\xff\xe5\0\2" * 100_000 + plain[2:], "segments")


def test_jpeg_with_two_frame_headers_is_refused() -> None:
    plain = saved("JPEG")
    at = plain.index(b"\xff\xc0")
    frame = plain[at : at + 19]
    unreadable(plain[:at] + frame + plain[at:], "frame header")


def test_progressive_jpeg_of_endless_scans_is_refused() -> None:
    plain = saved("JPEG", progressive=True)
    start = plain.index(b"\xff\xda")
    second = plain.index(b"\xff\xda", start + 2)
    scan = plain[start:second]
    few = plain[:start] + scan * 5 + plain[start:]
    assert decode(few).format == "jpeg"
    unreadable(plain[:start] + scan * (MAX_SCANS + 1) + plain[start:], "scans")


def test_what_comes_after_a_jpeg_does_not_reach_the_decoder() -> None:
    """A phone appends a second view, or a film of the moments before."""
    for plain in (saved("JPEG"), saved("JPEG", progressive=True)):
        file = plain + plain + b"\xff\xda\0\2" * 10_000
        assert len(inspect(file).data) <= len(plain)
        assert same_pixels(file, plain)


# PNG


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def with_chunks(plain: bytes, extra: bytes) -> bytes:
    return plain[:33] + extra + plain[33:]


@pytest.mark.parametrize(
    "head",
    [b"zTXtname\0\0", b"iCCPname\0\0", b"iTXtname\0\1\0\0\0"],
    ids=["zTXt", "iCCP", "iTXt"],
)
def test_png_text_that_unpacks_to_gigabytes_is_not_unpacked(head: bytes) -> None:
    plain = saved("PNG")
    bomb = zlib.compress(bytes(64 * 2**20), 9)
    file = with_chunks(plain, chunk(head[:4], head[4:] + bomb) * 40)
    assert same_pixels(file, plain)


def test_png_metadata_does_not_reach_the_decoder() -> None:
    plain = saved("PNG")
    file = with_chunks(plain, chunk(b"tEXt", b"key\0" + bytes(10_000_000)))
    assert len(inspect(file).data) == len(inspect(plain).data)
    assert same_pixels(file + bytes(1000), plain)


def test_png_data_in_many_chunks_is_joined() -> None:
    plain = saved("PNG")
    at = plain.index(b"IDAT")
    (length,) = struct.unpack_from(">L", plain, at - 4)
    body = plain[at + 4 : at + 4 + length]
    pieces = b"".join(chunk(b"IDAT", body[n : n + 1]) for n in range(length))
    assert same_pixels(plain[: at - 4] + pieces + chunk(b"IEND", b""), plain)


def test_png_of_endless_chunks_is_refused() -> None:
    unreadable(with_chunks(saved("PNG"), chunk(b"IDAT", b"") * 70_000), "chunks")


def test_a_second_png_header_does_not_count() -> None:
    plain = saved("PNG")
    huge = struct.pack(">LLBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    assert same_pixels(with_chunks(plain, chunk(b"IHDR", huge)), plain)


def test_a_png_palette_beyond_256_colours_does_not_reach_the_decoder() -> None:
    plain = saved("PNG")
    large = chunk(b"PLTE", bytes(3 * 10**6)) + chunk(b"tRNS", bytes(10**6))
    assert same_pixels(with_chunks(plain, large), plain)


def test_png_must_begin_with_its_header() -> None:
    unreadable(b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") * 4, "header")


# GIF


def gif_blocks(file: bytes) -> int:
    """Where the blocks of a GIF file begin, after its palette."""
    return 13 + (3 << ((file[10] & 7) + 1) if file[10] & 0x80 else 0)


def test_gif_comments_do_not_reach_the_decoder() -> None:
    plain = saved("GIF")
    at = gif_blocks(plain)
    file = plain[:at] + b"\x21\xfe" + (b"\xff" + b"c" * 255) * 100_000 + b"\0" + plain[at:]
    assert len(inspect(file).data) <= len(plain)
    assert same_pixels(file, plain)


def test_gif_of_endless_blocks_is_refused() -> None:
    plain = saved("GIF")
    at = gif_blocks(plain)
    unreadable(plain[:at] + b"\x21\xfe" + b"\1c" * 310_000 + b"\0" + plain[at:], "blocks")


def test_a_gif_frame_outside_its_canvas_counts_towards_the_limit() -> None:
    file = bytearray(saved("GIF"))
    at = file.index(b"\x2c", gif_blocks(bytes(file)))
    struct.pack_into("<HH", file, at + 1, 60_000, 60_000)
    with pytest.raises(TooManyPixelsError):
        decode(bytes(file))


def test_gif_without_a_frame_is_unreadable() -> None:
    unreadable(saved("GIF")[:13] + b";", "frame")


# WebP


def riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<L", 4 + len(chunks)) + b"WEBP" + chunks


@pytest.mark.parametrize("head", ["VP8X", "VP8L", "VP8 "])
def test_webp_of_the_largest_canvas_is_refused_before_it_is_made(head: str) -> None:
    """The decoder makes room for the canvas when it is created, so it must not be."""
    body = {
        "VP8X": b"\x10" + bytes(3) + b"\xff\xff\xff\xff\0\0",
        "VP8L": b"\x2f" + struct.pack("<L", 0x3FFF << 14 | 0x3FFF) + bytes(20),
        "VP8 ": bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 0x3FFF, 0x3FFF) + bytes(20),
    }[head]
    with pytest.raises(TooManyPixelsError):
        decode(riff(head.encode() + struct.pack("<L", len(body)) + body))


def test_webp_of_endless_chunks_is_refused() -> None:
    plain = saved("WEBP")
    unreadable(riff(plain[12:] + b"XYZ \0\0\0\0" * 70_000), "chunks")


def test_webp_frames_are_counted_without_decoding_them() -> None:
    frames = b"ANMF\0\0\0\0" * 20_000
    with pytest.raises(TooManyFramesError):
        decode(riff(b"VP8X" + struct.pack("<L", 10) + b"\2" + bytes(9) + frames))


# TIFF


Tag = tuple[int, int, int, int]
"""Tag, type, count, value or offset."""


def tiff(tags: list[Tag], extra: bytes = b"", *, big: bool = False) -> bytes:
    """A little-endian TIFF: header, ``extra`` at byte 16, one directory."""
    at = 16 + len(extra)
    head = (
        struct.pack("<HHHHQ", 0x4949, 43, 8, 0, at) if big else struct.pack("<HHL", 0x4949, 42, at)
    )
    entry, count, offset = ("<HHQQ", "<Q", "<Q") if big else ("<HHLL", "<H", "<L")
    entries = b"".join(struct.pack(entry, *tag) for tag in sorted(tags))
    directory = struct.pack(count, len(tags)) + entries + struct.pack(offset, 0)
    return head.ljust(16, b"\0") + extra + directory


def grey(**changed: Tag) -> list[Tag]:
    """The directory of a grey image of 4 x 4 pixels whose one strip stands at byte 16."""
    tags: dict[str, Tag] = {
        "width": (256, 4, 1, 4),
        "height": (257, 4, 1, 4),
        "bits": (258, 3, 1, 8),
        "compression": (259, 3, 1, 1),
        "photometric": (262, 3, 1, 1),
        "offsets": (273, 4, 1, 16),
        "rows": (278, 4, 1, 4),
        "counts": (279, 4, 1, 16),
    }
    return list((tags | changed).values())


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_written_by_hand_is_read(big: bool) -> None:
    file = tiff(grey(), bytes(range(16)), big=big)
    assert decode(file).rgb[..., 0].ravel().tolist() == list(range(16))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {"offsets": (273, 4, 2_000_000, 16)},
        {"counts": (279, 3, 2_000_000, 16)},
        {"bits": (258, 3, 2_000_000, 16)},
        {"xmp": (700, 4, 2_000_000, 16)},
        {"rational": (282, 5, 1_000_000, 16)},
        {"rows": (278, 4, 1, 2**31)},
        {"compression": (259, 3, 1, 34925)},
        {"compression": (259, 3, 1, 6)},
    ],
    ids=lambda changed: "-".join(f"{tag[0]}x{tag[2]}" for tag in changed.values()),
)
def test_a_tiff_entry_that_would_cost_gigabytes_is_refused(
    changed: dict[str, Tag], big: bool
) -> None:
    unreadable(tiff(grey(**changed), bytes(9_000_000), big=big), "tiff: ")


def test_tiff_tiles_far_larger_than_the_image_are_refused() -> None:
    tags = [tag for tag in grey() if tag[0] not in {273, 278, 279}]
    tags += [(322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 16), (325, 4, 1, 16)]
    unreadable(tiff(tags, bytes(16)), "larger than the image")


@pytest.mark.parametrize("kind", [1, 3, 4, 6, 8, 9, 13])
def test_tiff_sizes_count_in_whatever_type_they_are_written(kind: int) -> None:
    """The decoder behind Pillow reads more types than Pillow does, so they must be checked too."""
    file = tiff(grey(width=(256, kind, 1, 100), height=(257, kind, 1, 100)), bytes(20_000))
    with pytest.raises(TooManyPixelsError):
        decode(file, ImageLimits(max_pixels=9_999))


def test_a_tiff_whose_pages_form_a_ring_has_as_many_as_there_are() -> None:
    file = bytearray(tiff(grey(), bytes(16)))
    struct.pack_into("<L", file, len(file) - 4, 32)
    assert inspect(bytes(file)).frames == 1


@pytest.mark.parametrize("big", [False, True])
def test_the_directories_a_tiff_points_to_are_not_read(big: bool) -> None:
    """An EXIF directory of 60,000 entries, each with its own megabyte of the same data."""
    inner = struct.pack("<Q" if big else "<H", 60_000)
    row = struct.pack("<HHQQ", 9, 7, 10**6, 16) if big else struct.pack("<HHLL", 9, 7, 10**6, 16)
    extra = bytes(16) + inner + row * 60_000
    plain = tiff(grey(), bytes(16))
    assert same_pixels(tiff(grey(exif=(34665, 4, 1, 32)), extra, big=big), plain)


@pytest.mark.parametrize("start", [0, 3, 2**31, 2**32 - 1])
def test_a_tiff_directory_that_is_not_there_is_unreadable(start: int) -> None:
    unreadable(struct.pack("<HHL", 0x4949, 42, start) + bytes(30), "tiff: ")


def test_a_big_tiff_directory_beyond_any_file_is_unreadable() -> None:
    for start in (2**63 - 1, 2**63, 2**64 - 1):
        unreadable(struct.pack("<HHHHQ", 0x4949, 43, 8, 0, start) + bytes(30), "tiff: ")


# BMP


def bmp(width: int, height: int, compression: int, data: bytes) -> bytes:
    palette = b"".join(bytes([n, n, n, 0]) for n in range(256))
    info = struct.pack(
        "<LllHHLLllLL", 40, width, height, 1, 8, compression, len(data), 0, 0, 256, 0
    )
    head = struct.pack("<2sLHHL", b"BM", 54 + 1024 + len(data), 0, 0, 54 + 1024)
    return head + info + palette + data


def test_a_bmp_with_run_lengths_is_read() -> None:
    rgb = decode(bmp(4, 2, 1, bytes([4, 7, 0, 0, 4, 9, 0, 1]))).rgb
    assert rgb[..., 0].tolist() == [[9] * 4, [7] * 4]


def test_a_large_bmp_with_run_lengths_is_refused() -> None:
    unreadable(bmp(4000, 4000, 1, b"\0\1"), "run lengths")
    unreadable(bmp(4, 4, 1, bytes([0, 0]) * 600_000), "run lengths")


def test_a_bmp_written_from_the_top_has_its_size() -> None:
    rows = bytes([1, 2, 3, 4, 5, 6, 7, 8])
    checked = decode(bmp(4, -2, 0, rows))
    assert (checked.width, checked.height) == (4, 2)
    assert checked.rgb[..., 0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    with pytest.raises(TooManyPixelsError):
        decode(bmp(20_000, -20_000, 0, rows))


# All of them


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP"])
def test_headers_cut_off_or_filled_with_extremes_raise_nothing_but_image_errors(
    format_: str,
) -> None:
    """``inspect`` itself, whose answers the limits rely on."""
    plain = saved(format_)
    walk: Callable[[bytes], object] = decode if format_ == "AVIF" else inspect
    for at, value in itertools.product(range(min(len(plain), 160)), (0, 0x7F, 0xFF)):
        for file in (plain[:at], plain[:at] + bytes([value] * 4) + plain[at + 4 :]):
            try:
                walk(file)
            except ImageError:
                continue


def test_reading_headers_does_not_recurse() -> None:
    limit = sys.getrecursionlimit()
    file = saved("PNG")
    for kind in (b"tEXt", b"eXIf"):
        file = with_chunks(file, chunk(kind, b"x") * 5000)
    assert inspect(file).width == 24
    assert sys.getrecursionlimit() == limit
