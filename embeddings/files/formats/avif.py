"""AVIF: what the decoder says of a file before it decodes a pixel, and what its colours stand for.

Of boxes it knows those on the way to the colours of the primary image, which the decoder does not
tell; all else is the decoder's own business, and reading it allocates little.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Final

from PIL import AvifImagePlugin

from embeddings.files.colour_spaces import SRGB_TRANSFER, ColourSpace, from_numbers
from embeddings.files.formats.contents import MAX_PROFILE_BYTES, FileContents, exif_orientation

MAX_BOXES: Final = 4096
_SRGB_PRIMARIES: Final = 1
# Television's curve: browsers show pictures that say so as if they had said sRGB.
_AS_SRGB: Final = frozenset({1, 6, 14, 15})


def read(data: bytes) -> FileContents:
    """The header of an AVIF file."""
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    # Rotation and mirroring of the container, which outrank EXIF, are given as if they were EXIF.
    exif, profile = image.info.get("exif", b""), image.info.get("icc_profile", b"")
    numbers = _numbers(data)
    return FileContents(
        "avif",
        image.width,
        image.height,
        data,
        frames=image.n_frames,
        orientation=exif_orientation(exif),
        profile=profile if len(profile) <= MAX_PROFILE_BYTES else b"",
        space=None if profile or numbers is None else _space(*numbers),
        # Its stream has colours of its own to name, by which browsers go then.
        doubtful=not profile and numbers is None,
    )


def _space(primaries: int, transfer: int) -> ColourSpace | None:
    """The colour space that two numbers name, where it is not sRGB."""
    if transfer in _AS_SRGB:
        transfer = SRGB_TRANSFER
    # A number that nobody knows says nothing, and the other one still does.
    space = (
        from_numbers(primaries, transfer)
        or from_numbers(_SRGB_PRIMARIES, transfer)
        or from_numbers(primaries, SRGB_TRANSFER)
    )
    return None if space is None or space.is_srgb else space


def _numbers(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer, by H.273, that the properties of the primary image name."""
    try:
        return _walk(data)
    except (struct.error, IndexError):
        return None


def _walk(data: bytes) -> tuple[int, int] | None:
    meta = next((body for kind, body in _boxes(data) if kind == b"meta"), None)
    if meta is None:
        return None
    primary = 0
    properties: list[tuple[bytes, bytes]] = []
    owned: list[int] = []
    parts = list(_boxes(meta[4:]))
    for kind, body in parts:
        if kind == b"pitm":
            (primary,) = struct.unpack_from(">L" if body[0] else ">H", body, 4)
    for kind, body in parts:
        if kind == b"iprp":
            for inner, content in _boxes(body):
                if inner == b"ipco":
                    properties = list(_boxes(content))
                elif inner == b"ipma":
                    owned = owned or _owned(content, primary)
    for place in owned:
        kind, body = properties[place - 1]
        if kind == b"colr" and body[:4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            return primaries, transfer
    return None


def _owned(body: bytes, wanted: int) -> list[int]:
    """The places, from 1, of the properties of the item ``wanted``."""
    version, flags = body[0], body[3]
    (items,) = struct.unpack_from(">L", body, 4)
    position = 8
    for _ in range(min(items, MAX_BOXES)):
        item, count = struct.unpack_from(">LB" if version else ">HB", body, position)
        position += 5 if version else 3
        width = 2 if flags & 1 else 1
        if item == wanted:
            pieces = struct.unpack_from(f">{count}{'H' if width == 2 else 'B'}", body, position)
            mask = 0x7FFF if width == 2 else 0x7F
            return [piece & mask for piece in pieces if piece & mask]
        position += count * width
    return []


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box that ``data`` begins with."""
    position = 0
    for _ in range(MAX_BOXES):
        if position + 8 > len(data):
            return
        size, kind = struct.unpack_from(">L4s", data, position)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        elif size == 0:
            size = len(data) - position
        if size < head:
            return
        yield kind, data[position + head : position + size]
        position += size
