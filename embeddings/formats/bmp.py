"""BMP: its header.

It knows the size and kind of compression only.
"""

from __future__ import annotations

import struct
from typing import Final

from embeddings.formats.contents import Contents, damaged

_RUN_LENGTH: Final = frozenset({1, 2})

MAX_RUN_LENGTH_PIXELS: Final = 2**22
MAX_RUN_LENGTH_BYTES: Final = 2**20
"""Of a file with run lengths: their decoder is Python and goes through them one by one."""


def read(data: bytes) -> Contents:
    """The header of a BMP file."""
    try:
        (header,) = struct.unpack_from("<L", data, 14)
        if header == 12:
            width, height = struct.unpack_from("<HH", data, 18)
            return Contents("bmp", width, height, data)
        width, height, _, _, compression = struct.unpack_from("<llHHL", data, 18)
    except struct.error:
        raise damaged("bmp", "it ends within its header") from None
    # A negative height means that rows run from the top.
    width, height = abs(width), abs(height)
    large = width * height > MAX_RUN_LENGTH_PIXELS or len(data) > MAX_RUN_LENGTH_BYTES
    if compression in _RUN_LENGTH and large:
        raise damaged("bmp", "with run lengths, only small files are read")
    return Contents("bmp", width, height, data)
