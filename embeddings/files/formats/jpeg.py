"""JPEG: the segments before the first scan, and how many scans there are.

It knows the marker structure, not the entropy-coded data between markers.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from embeddings.files.formats.contents import (
    MAX_PROFILE_BYTES,
    FileContents,
    damaged,
    exif_entries,
    exif_orientation,
    exif_thumbnail,
)

_MARKER: Final = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
_MARKER_IN_SCAN: Final = re.compile(rb"\xff([^\x00\xff\x01\xd0-\xd7])", re.DOTALL)
_SOI, _EOI, _SOS, _DHP, _COM = 0xD8, 0xD9, 0xDA, 0xDE, 0xFE
_BARE: Final = frozenset({0x01, _SOI, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HUFFMAN: Final = frozenset({0xC0, 0xC1, 0xC2})
"""The codings whose decoder makes grey of what is missing."""
_MP_ENTRIES: Final = 0xB002
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE

MAX_SEGMENTS: Final = 4096
MAX_RUBBISH: Final = 65_536
"""Bytes between two segments that belong to neither: decoders pass over them, slowly."""
MAX_FURTHER: Final = 5
"""Pictures of an index of several that are read, beside the first: one more than are looked at."""
MAX_SCANS: Final = 100
MAX_SCANNED_PIXELS: Final = 2**30
"""Each scan of a progressive file visits every pixel again; an encoder makes about ten."""


def read(data: bytes) -> FileContents:
    """The header of a JPEG file; pictures within it (a thumbnail, a second view) stand apart."""
    kept = [b"\xff\xd8"]
    exif = b""
    profile: dict[int, bytes] = {}
    further: list[bytes] = []
    frame: bytes | None = None
    coding = 0
    position = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, position, position + MAX_RUBBISH)
        if found is None:
            raise damaged("jpeg", "no segment follows where one should")
        code, position = found[1][0], found.end()
        if code in _BARE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if code in {_EOI, _DHP} or length < 2 or position + length > len(data):
            raise damaged("jpeg", "a segment is damaged")
        body = data[position + 2 : position + length]
        if code in _FRAMES:
            if frame is not None or len(body) < 6:
                raise damaged("jpeg", "its frame header is damaged")
            frame, coding = body, code
        if code == _SOS:
            break
        position += length
        if code == _APP1 and not exif and body.startswith(b"Exif\0\0"):
            exif = body
        elif code == _APP2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile.setdefault(body[12], body[14:])
        elif code == _APP2 and body.startswith(b"MPF\0") and not further:
            further = _further(data, position - length + 6, body[4:])
        # What the decoder needs to know of colours stands in two of the application segments.
        if not _APP0 <= code <= _COM or (code, body[:5]) in {
            (_APP0, b"JFIF\0"),
            (_APP14, b"Adobe"),
        }:
            kept.append(data[found.start() : position])
    else:
        raise damaged("jpeg", f"it has more than {MAX_SEGMENTS} segments")
    if frame is None:
        raise damaged("jpeg", "it has no frame header")
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    image = _image(data, found.start())
    cut_off = image is None
    if image is None:
        if coding not in _HUFFMAN:
            raise damaged("jpeg", "it has no end")
        image = _completed(data, found.start())
    # A sequential file whose first scan holds all components ends with that scan.
    if coding in _PROGRESSIVE or len(body) == 0 or body[0] < frame[5]:
        scans = image.count(b"\xff\xda")
        allowed = min(MAX_SCANS, MAX_SCANNED_PIXELS // max(width * height, 1))
        if scans > allowed:
            raise damaged("jpeg", f"it has {scans} scans, {allowed} are allowed at its size")
    kept.append(image)
    joined = b"".join(profile[part] for part in sorted(profile))
    return FileContents(
        "jpeg",
        width,
        height,
        b"".join(kept),
        orientation=exif_orientation(exif),
        profile=joined if len(joined) <= MAX_PROFILE_BYTES else b"",
        cut_off=cut_off,
        inner=_named("thumbnail", [exif_thumbnail(exif)]) + _named("further_picture", further),
    )


def _named(name: str, files: list[bytes]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, file) for file in files if file.startswith(b"\xff\xd8\xff"))


def _further(data: bytes, base: int, index: bytes) -> list[bytes]:
    """The files of the further pictures that an index of several (MPF) names.

    ``base``: where in ``data`` the index begins, from which it counts.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(index[:4], "<")
    files: list[bytes] = []
    for tag, _, where in exif_entries(index, 0):
        if tag != _MP_ENTRIES:
            continue
        try:
            for picture in range(1, 1 + MAX_FURTHER):
                _, size, offset = struct.unpack_from(order + "LLL", index, where + 16 * picture)
                if offset and size:
                    files.append(data[base + offset : base + offset + size])
        except struct.error:
            break
    return files


def _image(data: bytes, start: int) -> bytes | None:
    """The first scan and what follows, to the end of the image; None if that is not there.

    In the data of a scan neither the marker that ends an image nor that of another scan can occur,
    so what comes after the image can be cut off, and scans counted, without walking through it. A
    file that hides an end in a table between two scans is cut short there, and unreadable.
    """
    end = data.find(b"\xff\xd9", start)
    return None if end < 0 else data[start : end + 2]


def _completed(data: bytes, start: int) -> bytes:
    """The first scan and what there is of the rest, with the end it lacks.

    A segment that is not all there would swallow that end, so it is left out.
    """
    position = start
    for _ in range(MAX_SEGMENTS):
        found = _MARKER_IN_SCAN.search(data, position)
        if found is None:
            return data[start:] + b"\xff\xd9"
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        if position > len(data) or position < found.end() + 2:
            return data[start : found.start()] + b"\xff\xd9"
    raise damaged("jpeg", f"it has more than {MAX_SEGMENTS} segments")
