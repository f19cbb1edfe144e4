"""What can go wrong in an index, by name.

    IndexingError
    ├── RowsError            ids, codes, digests or groups of a wrong shape, type or range
    │   └── DuplicateIdError an id is present already, or twice in one call
    ├── RadiusError          a radius outside 0..256 bits; k or a limit below 1
    ├── SequenceError        a change that is not newer than what the index holds
    ├── RebuildNeededError   a change or query before a damaged index was rebuilt
    ├── ClosedIndexError     a change or query after close()
    ├── NoDeviceError        a CUDA device was asked for and is not there, or torch is not
    ├── DeviceMemoryError    codes or answers that do not fit in the memory of the device
    └── DamagedFileError     a file that is torn, truncated or altered: never searched, rebuilt

Messages name shapes, ids and files, never a listed code or digest. It knows nothing of
HTTP statuses.
"""

from __future__ import annotations


class IndexingError(Exception):
    """Base of every error an index raises on purpose."""


class RowsError(IndexingError, ValueError):
    """Arrays that do not describe rows of this index."""


class DuplicateIdError(RowsError):
    """An id that is present already. Nothing of the call was applied."""

    def __init__(self, example: int, count: int) -> None:
        """``example``: one of the ``count`` offending ids."""
        super().__init__(f"{count} id(s) are present already or given twice, among them {example}")
        self.example = example
        self.count = count


class RadiusError(IndexingError, ValueError):
    """A radius, a limit or a count of neighbours that no search can have."""


class DamagedFileError(IndexingError):
    """A file of the index that cannot be what was written: torn, truncated or altered."""


class SequenceError(IndexingError, ValueError):
    """A change that is not newer than what the index holds."""


class RebuildNeededError(IndexingError):
    """The index lost what it held, or never had it, and must be handed all entries anew."""


class ClosedIndexError(IndexingError):
    """A change or a query handed to an index after ``close``."""


class NoDeviceError(IndexingError):
    """A device that was asked for and is not there, or the packages that drive it."""


class DeviceMemoryError(IndexingError):
    """What was asked for does not fit in a device's memory. Nothing of the call was applied."""
