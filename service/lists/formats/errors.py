"""What makes a whole list unreadable; a bad line is not an error but a ``RejectedLine``.

::

    ServiceError
    ├── InvalidValueError
    │   ├── UnknownFormatError      no format has this name
    │   ├── BadMapError             a column map that says nothing we can follow
    │   └── BadLineError            why one line is no row; becomes a ``RejectedLine``
    └── ImportRefusedError
        ├── UnreadableListError     not a list in any format, or not in the one that was named
        └── IncompleteListError     fewer entries came than the list says it has, or it breaks off

A message names what was found and what to do about it; never a listed hash.
"""

from __future__ import annotations

from service.domain.errors import ImportRefusedError, InvalidValueError


class UnknownFormatError(InvalidValueError):
    """No list format has this name."""

    code = "unknown_format"


class BadMapError(InvalidValueError):
    """A column map cannot be followed."""

    code = "bad_map"


class BadLineError(InvalidValueError):
    """Why a line is no row."""

    code = "bad_line"

    def __init__(self, message: str, field: str = "") -> None:
        """``field``: the column, key or element that is wrong; empty where it is the whole line."""
        super().__init__(message)
        self.field = field


class UnreadableListError(ImportRefusedError):
    """The file is not a list in the expected format."""

    code = "unreadable_list"


class IncompleteListError(ImportRefusedError):
    """The list states its length, and ended before that; or it breaks off."""

    code = "incomplete_list"
