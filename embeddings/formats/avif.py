"""AVIF: what the decoder says of a file before it decodes a pixel.

It knows no boxes: their nesting is the decoder's own business, and reading them allocates little.
"""

from __future__ import annotations

import io

from PIL import AvifImagePlugin

from embeddings.formats.contents import MAX_PROFILE_BYTES, Contents, exif_orientation


def read(data: bytes) -> Contents:
    """The header of an AVIF file."""
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    # Rotation and mirroring of the container, which outrank EXIF, are given as if they were EXIF.
    exif, profile = image.info.get("exif", b""), image.info.get("icc_profile", b"")
    return Contents(
        "avif",
        image.width,
        image.height,
        data,
        frames=image.n_frames,
        orientation=exif_orientation(exif),
        profile=profile if len(profile) <= MAX_PROFILE_BYTES else b"",
    )
