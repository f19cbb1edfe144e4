"""Tech Against Terrorism's hash list: a JSON array of records, or pages of its API that hold one.

::

    [{"hash_digest": "…", "algorithm": "PDQ", "ideology": "…", "file_type": "jpg", "deleted": false,
      "updated_on": "…", "created_on": "…", "id": 12}]

Pages are ``{"results": […], "checkpoint": …, "next": …}``. ``deleted`` takes an entry off the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from service.domain.signals import types_by_name
from service.domain.values import RejectedLine, Withdrawn
from service.lists.formats import documents
from service.lists.formats.drafts import Draft, Notes, Row
from service.lists.formats.errors import BadLineError
from service.lists.formats.streams import ByteStream

NAME: Final = "tech-against-terrorism"

_VIDEO: Final = frozenset({"mp4", "mov", "avi", "mkv", "webm", "m4v", "wmv", "flv", "3gp", "mpg"})
_ARRAY: Final = re.compile(rb'"([A-Za-z_]{1,64})"\s*:\s*\[', re.ASCII)
_YES: Final = frozenset({True, "true", "True", "1"})
_NO: Final = frozenset({False, None, "", "false", "False", "0"})


def recognises(head: bytes) -> bool:
    """Whether this is how such a document begins."""
    return head.lstrip()[:1] in (b"{", b"[") and b'"hash_digest"' in head and b'"algorithm"' in head


def rows(stream: ByteStream, notes: Notes) -> Iterator[Row]:
    """The rows of the document. Raises ``UnreadableListError`` and ``IncompleteListError``."""
    head = stream.head()
    array = None if head.lstrip()[:1] == b"[" else _ARRAY.search(head)
    place = "item" if array is None else f"{array[1].decode()}.item"
    more: Any = None
    number = 0
    for what, value in documents.records_and_more(stream, place, frozenset({"next"})):
        if what == documents.RECORD:
            number += 1
            try:
                row = _row(number, value, notes)
            except BadLineError as error:
                row = RejectedLine(number, str(error), error.field)
            if row is not None:
                yield row
        else:
            more = value
    notes.pages.append(bool(more))


def _row(number: int, record: Any, notes: Notes) -> Row | None:  # noqa: ANN401 (whatever JSON holds)
    if not isinstance(record, dict):
        raise BadLineError("not a JSON object")
    identity, algorithm = record.get("id"), record.get("algorithm")
    if isinstance(identity, bool) or not isinstance(identity, int | str) or identity == "":
        raise BadLineError("id must be text or a number", "id")
    if not isinstance(algorithm, str):
        raise BadLineError("algorithm must be text", "algorithm")
    deleted = record.get("deleted")
    if isinstance(deleted, list | dict) or deleted not in _YES | _NO:
        raise BadLineError("deleted must be true or false", "deleted")
    if deleted in _YES:
        return Withdrawn(number, str(identity))
    draft = Draft(notes)
    draft.provider_id = str(identity)
    kind = algorithm.strip().lower().replace("-", "_")
    draft.signal(kind, record.get("hash_digest"), "hash_digest")
    file_type = record.get("file_type")
    video = isinstance(file_type, str) and file_type.lower().lstrip(".") in _VIDEO
    if video and f"video_{kind}" in types_by_name():
        draft.signal(f"video_{kind}", record.get("hash_digest"), "hash_digest")
    ideology = record.get("ideology")
    if isinstance(ideology, str) and ideology.strip():
        draft.labels.append(ideology.strip())
    return draft.row(number)
