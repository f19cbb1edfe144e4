"""What makes a whole list unreadable; a bad line is not an error but a ``RejectedLine``.

::

    ServiceError
    ├── InvalidValueError
    │   └── UnknownFormatError      no format has this name
    └── ImportRefusedError
        ├── UnreadableListError     not a list in any format, or not in the one that was named
        └── IncompleteListError     fewer entries came than the list says it has

A message names what was found and what to do about it; never a listed hash.
"""

from __future__ import annotations

from service.domain.errors import ImportRefusedError, InvalidValueError


class UnknownFormatError(InvalidValueError):
    """No list format has this name."""

    code = "unknown_format"


class UnreadableListError(ImportRefusedError):
    """The file is not a list in the expected format."""

    code = "unreadable_list"


class IncompleteListError(ImportRefusedError):
    """The list states its length, and ended before that."""

    code = "incomplete_list"
