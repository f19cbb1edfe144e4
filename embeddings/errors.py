"""What can go wrong between an image's bytes and its fingerprint.

::

    EmbeddingError
    ├── ImageError                  the bytes given are at fault; ``code`` is stable and public
    │   ├── EmptyFileError          empty_file          no bytes at all
    │   ├── FileTooLargeError       file_too_large      more bytes than the limit
    │   ├── UnsupportedImageError   unsupported_image   not an image of a kind we read
    │   ├── TooManyPixelsError      too_many_pixels     its header announces more than the limit
    │   ├── TooManyFramesError      too_many_frames     its header announces more than the limit
    │   ├── UnreadableImageError    unreadable_image    truncated, damaged or built to do harm
    │   └── OutOfMemoryError        out_of_memory       nothing is wrong with it: memory ran out
    ├── CheckpointError             a model file that is missing, damaged or not what it says
    └── DeviceError                 a device that is not known or not there

A message names the limit, the format or the file, never image bytes. It knows nothing of HTTP:
which status a code becomes is decided in ``service``.
"""

from __future__ import annotations

from typing import ClassVar


class EmbeddingError(Exception):
    """Anything this package raises on purpose."""


class ImageError(EmbeddingError):
    """These bytes cannot be fingerprinted. Only its subclasses are raised."""

    code: ClassVar[str]
    """Stable and public: what a client reads instead of the message."""


class EmptyFileError(ImageError):
    """There are no bytes."""

    code = "empty_file"


class FileTooLargeError(ImageError):
    """The file has more bytes than allowed."""

    code = "file_too_large"


class UnsupportedImageError(ImageError):
    """The bytes do not begin like any image format that is read here."""

    code = "unsupported_image"


class TooManyPixelsError(ImageError):
    """The header announces more pixels than allowed."""

    code = "too_many_pixels"


class TooManyFramesError(ImageError):
    """The header announces more frames than allowed."""

    code = "too_many_frames"


class UnreadableImageError(ImageError):
    """The file begins like an image but cannot be decoded in full, or only at unreasonable cost."""

    code = "unreadable_image"


class OutOfMemoryError(ImageError):
    """There was not enough memory to decode the image; another time there may be."""

    code = "out_of_memory"


class CheckpointError(EmbeddingError):
    """A model file is missing, damaged, or not the one it claims to be."""


class DeviceError(EmbeddingError):
    """The device asked for is not one we know, or not there."""
