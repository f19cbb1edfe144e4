"""StopNCII's hashes, as its API answers them: pages of JSON, one or several in a file.

::

    {"count": 1, "nextPageToken": "…", "nextSetTimestamp": 1700000000, "hasMoreRecords": false,
     "hashRecords": [{"lastModtimestamp": 1700000000, "signalType": "ImagePDQ", "hashValue": "…",
                      "hashStatus": "Active"}]}

A record is known by its type and value: StopNCII gives no other id. ``Withdrawn`` and ``Deleted``
take it off the list. A file whose last page says that there is more is not the whole list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from service.domain.values import RejectedLine, Withdrawn
from service.lists.formats import documents
from service.lists.formats.drafts import Draft, Notes, Row
from service.lists.formats.errors import BadLineError, IncompleteListError
from service.lists.formats.streams import ByteStream

NAME: Final = "stopncii"

_PLACE: Final = "hashRecords.item"
_MORE: Final = "hasMoreRecords"
_COUNT: Final = "count"
_TYPES: Final = {"imagepdq": "pdq", "videomd5": "video_md5", "url": "url"}
_GONE: Final = frozenset({"withdrawn", "deleted"})
_HERE: Final = frozenset({"", "received", "active", "unknown"})


def recognises(head: bytes) -> bool:
    """Whether this is how such a document begins."""
    return head.lstrip()[:1] == b"{" and (b'"hashRecords"' in head or b'"hasMoreRecords"' in head)


def rows(stream: ByteStream, notes: Notes) -> Iterator[Row]:
    """The rows of the pages. Raises ``UnreadableListError`` and ``IncompleteListError``."""
    number, stated, more = 0, 0, False
    for what, value in documents.records_and_more(stream, _PLACE, frozenset({_MORE, _COUNT})):
        if what == _MORE:
            more = value in (True, "true", "True")
        elif what == _COUNT:
            stated += value if isinstance(value, int) else 0
        else:
            number += 1
            try:
                row = _row(number, value, notes)
            except BadLineError as error:
                row = RejectedLine(number, str(error), error.field)
            if row is not None:
                yield row
    notes.pages.append(more)
    if number < stated:
        raise IncompleteListError(f"the pages state {stated} records and hold {number}")


def _row(number: int, record: Any, notes: Notes) -> Row | None:  # noqa: ANN401 (whatever JSON holds)
    if not isinstance(record, dict):
        raise BadLineError("not a JSON object", "hashRecords")
    said, value = record.get("signalType"), record.get("hashValue")
    if not isinstance(said, str) or not isinstance(value, str):
        raise BadLineError("signalType and hashValue must be text", "hashValue")
    status = record.get("hashStatus") or ""
    if not isinstance(status, str) or status.lower() not in _GONE | _HERE:
        raise BadLineError(
            "hashStatus is none of Received, Active, Withdrawn, Deleted", "hashStatus"
        )
    draft = Draft(notes)
    draft.signal(_TYPES.get(said.lower(), said), value, "hashValue")
    row = draft.row(number)
    if row is None:
        return None
    signal = row.signals.items[0]
    # One that says nothing of the hash: ids are shown to people who may not see hashes.
    identity = hashlib.sha256(signal.type.encode() + b"\0" + signal.value).hexdigest()[:32]
    if status.lower() in _GONE:
        return Withdrawn(number, identity)
    return replace(row, provider_id=identity)
