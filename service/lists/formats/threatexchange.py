"""ThreatExchange's updates as JSON, as its API answers them, one page or several in a file.

::

    {"data": [{"id": "12", "indicator": "…", "type": "HASH_PDQ", "last_updated": 1700000000,
               "should_delete": false, "descriptors": {"data": [{"tags": ["A"]}]}}],
     "paging": {"next": "…"}}

Its other form, ``signal_type hash``, one a line, is ``text``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from service.domain.values import RejectedLine, Withdrawn
from service.lists.formats import documents
from service.lists.formats.drafts import Draft, Notes, Row
from service.lists.formats.errors import BadLineError
from service.lists.formats.streams import ByteStream

NAME: Final = "threatexchange"

_NEXT: Final = "paging.next"
_PREFIX: Final = "hash_"
_URLS: Final = frozenset({"uri", "url"})


def recognises(head: bytes) -> bool:
    """Whether this is how such a document begins."""
    return head.lstrip()[:1] == b"{" and b'"indicator"' in head and b'"data"' in head


def rows(stream: ByteStream, notes: Notes) -> Iterator[Row]:
    """The rows of the pages. Raises ``UnreadableListError`` and ``IncompleteListError``."""
    number, pages_end = 0, True
    for what, value in documents.records_and_more(stream, "data.item", frozenset({_NEXT})):
        if what == _NEXT:
            pages_end = not value
            continue
        pages_end = True
        number += 1
        try:
            row = _row(number, value, notes)
        except BadLineError as error:
            row = RejectedLine(number, str(error), error.field)
        if row is not None:
            yield row
    notes.pages.append(not pages_end)


def _row(number: int, record: Any, notes: Notes) -> Row | None:  # noqa: ANN401 (whatever JSON holds)
    if not isinstance(record, dict):
        raise BadLineError("not a JSON object", "data")
    identity, kind = record.get("id"), record.get("type")
    if isinstance(identity, bool) or not isinstance(identity, int | str) or identity == "":
        raise BadLineError("id must be text or a number", "id")
    if not isinstance(kind, str):
        raise BadLineError("type must be text", "type")
    if record.get("should_delete") is True:
        return Withdrawn(number, str(identity))
    draft = Draft(notes)
    draft.provider_id = str(identity)
    plain = kind.lower().removeprefix(_PREFIX)
    draft.signal("url" if plain in _URLS else plain, record.get("indicator"), "indicator")
    draft.labels += sorted(_tags(record.get("descriptors")))
    return draft.row(number)


def _tags(descriptors: Any) -> set[str]:  # noqa: ANN401 (whatever JSON holds)
    """Every tag that somebody gave the indicator."""
    found = descriptors.get("data") if isinstance(descriptors, dict) else None
    tags: set[str] = set()
    for one in found if isinstance(found, list) else []:
        said = one.get("tags") if isinstance(one, dict) else None
        if isinstance(said, dict):
            said = said.get("data")
        for tag in said if isinstance(said, list) else []:
            name = tag.get("text") if isinstance(tag, dict) else tag
            if isinstance(name, str) and name.strip():
                tags.add(name.strip())
    return tags
