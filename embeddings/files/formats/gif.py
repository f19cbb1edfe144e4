"""GIF: its blocks, of which the decoder gets the first frame alone.

It knows the block structure, not the compressed data.
"""

from __future__ import annotations

import struct
from typing import Final

from embeddings.files.formats.contents import FileContents, damaged

_EXTENSION, _FRAME, _GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9

MAX_BLOCKS: Final = 300_000
"""Blocks of at most 255 bytes: what an honest file of 70 MiB needs."""


def read(data: bytes) -> FileContents:
    """The header of a GIF file; the canvas grows to hold the first frame, as viewers have it.

    The decoder gets that frame as if it were the whole picture.
    """
    try:
        return _walk(data)
    except (IndexError, struct.error):
        raise damaged("gif", "it ends before its first frame") from None


def _walk(data: bytes) -> FileContents:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    start = 13 + _palette_bytes(flags)
    control = b""
    first: bytes | None = None
    offset, part = (0, 0), (0, 0)
    frames = blocks = 0
    cut_off = False
    position = start
    # After the first frame a damaged file is read as far as it goes.
    while position < len(data) and data[position] in {_EXTENSION, _FRAME}:
        begin = position
        if data[position] == _EXTENSION:
            position += 2
        elif first is None or position + 10 < len(data):
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, position + 1)
            if first is None:
                width, height = max(width, left + across), max(height, top + down)
                offset, part = (left, top), (across, down)
            position += 11 + _palette_bytes(flags)
            frames += 1
        else:
            break
        while position < len(data) and data[position]:
            position += data[position] + 1
            blocks += 1
            if blocks > MAX_BLOCKS:
                raise damaged("gif", f"it has more than {MAX_BLOCKS} blocks")
        position += 1
        blocks += 1
        if first is None:
            cut_off = position > len(data)
            if data[begin] == _FRAME:
                first = data[begin:position]
            elif data[begin + 1] == _GRAPHIC_CONTROL:
                control = data[begin:position]
    if first is None:
        raise damaged("gif", "it has no frame")
    frame = bytearray(data[:start] + control + first + b";")
    at = start + len(control)
    struct.pack_into("<HH", frame, 6, *part)
    struct.pack_into("<HH", frame, at + 1, 0, 0)
    return FileContents(
        "gif",
        width,
        height,
        bytes(frame),
        frames=max(frames, 1),
        offset=offset,
        part=part,
        cut_off=cut_off,
    )


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
