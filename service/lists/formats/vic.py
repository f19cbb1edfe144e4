"""Project VIC and CAID hash sets: JSON of the VICS data models 1.1 to 2.0, and case files.

A document is ``{"@odata.context": "…/DataModels/2.0.xml/US/$metadata#Media", "value": [media, …]}``
or, up to 1.3, ``{"odata.metadata": "…#Media", …}``; a case file (``#Cases``) has its media within
cases. Large sets come as several files in one ZIP archive.

What a category means is a matter of the country, so the label says both: ``US-1``. Media of
category 0 (not pertinent) and media that nobody categorised are no references, however often case
files hold them: they are counted and not listed. A column map with ``format = "vic"`` says
otherwise.

``MediaID`` numbers the media of one file, and the next edition may number them anew: an entry that
a curator disabled would then stand for another picture. So it is no id of an entry unless a map
says so (``provider_id = "MediaID"``); without one, an entry is known by its signals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from service.domain.values import RejectedLine
from service.lists.formats import documents
from service.lists.formats.column_maps import ColumnMap
from service.lists.formats.drafts import Draft, Notes, Row
from service.lists.formats.errors import BadLineError
from service.lists.formats.streams import ByteStream

NAME: Final = "vic"

_CONTEXT: Final = re.compile(
    rb'"(?:@odata\.context|odata\.metadata)"\s*:\s*"([^"]{0,300})"', re.ASCII
)
_COUNTRY: Final = re.compile(
    r"DataModels(?:\\?/)[0-9.]+\.xml(?:\\?/)([A-Za-z0-9_-]{1,32})", re.ASCII
)
_CASES: Final = re.compile(rb'"Media"\s*:\s*\[', re.ASCII)
_SIGNALS: Final = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "PhotoDNA": "photodna",
    "PDQ": "pdq",
}
_FIELDS: Final = frozenset(
    {
        *_SIGNALS, "MediaID", "Category", "AlternativeHashes", "MediaSize", "DateUpdated", "Tags",
        "Series", "VictimIdentified", "OffenderIdentified", "IsDistributed", "IsPrecategorized",
        "Comments", "MimeType", "MediaFiles", "Exifs", "RelativeFilePath", "odata.id", "@odata.id",
    }
)  # fmt: skip
_BY_LOWER: Final = {name.lower(): name for name in _FIELDS}
_NOT_PERTINENT: Final = "0"


def recognises(head: bytes) -> bool:
    """Whether this is how such a document begins."""
    return head.lstrip()[:1] == b"{" and _CONTEXT.search(head) is not None


def rows(stream: ByteStream, columns: ColumnMap | None, notes: Notes) -> Iterator[Row]:
    """The rows of one document. Raises ``UnreadableListError`` and ``IncompleteListError``."""
    head = stream.head()
    context = _CONTEXT.search(head)
    model = context[1].decode(errors="replace") if context else ""
    in_cases = "#Cases" in model or (context is None and _CASES.search(head) is not None)
    country = _COUNTRY.search(model)
    prefix = country[1].upper() if country else "category"
    place = "value.item.Media.item" if in_cases else "value.item"
    for number, media in enumerate(documents.records(stream, place), 1):
        try:
            row = _row(number, media, columns, prefix, notes)
        except BadLineError as error:
            row = RejectedLine(number, str(error), error.field)
        if row is not None:
            yield row


def _row(
    number: int,
    media: Any,  # noqa: ANN401 (whatever JSON holds)
    columns: ColumnMap | None,
    prefix: str,
    notes: Notes,
) -> Row | None:
    if not isinstance(media, dict):
        raise BadLineError("not a JSON object")
    if not media.keys() <= _FIELDS:
        media = _named(media, columns, notes)
    draft = Draft(notes)
    for key, kind in _SIGNALS.items():
        value = media.get(key)
        if value not in (None, ""):
            draft.signal(kind, value, key)
    if (alternatives := media.get("AlternativeHashes")) not in (None, ""):
        _alternatives(draft, alternatives)
    if columns is not None:
        said = {key.lower(): value for key, value in media.items()}
        if not columns.fill(draft, said, notes):
            return None
    if columns is None or "labels" not in columns.columns:
        category = _category(media.get("Category"))
        if category in ("", _NOT_PERTINENT):
            notes.pass_over("media not pertinent" if category else "media without a category")
            return None
        draft.labels.append(f"{prefix}-{category}")
    return draft.row(number)


def _named(media: dict[str, Any], columns: ColumnMap | None, notes: Notes) -> dict[str, Any]:
    """With every field by the name that it has here, whatever its case."""
    named: dict[str, Any] = {}
    mapped = frozenset() if columns is None else columns.known
    for key, value in media.items():
        name = _BY_LOWER.get(key.lower(), key)
        if name in named:
            raise BadLineError(f"{name} stands twice", name)
        named[name] = value
        if name not in _FIELDS and key.lower() not in mapped:
            notes.ignore(key)
    return named


def _alternatives(draft: Draft, value: object) -> None:
    if not isinstance(value, list):
        raise BadLineError("AlternativeHashes must be a list", "AlternativeHashes")
    for one in value:
        if not isinstance(one, dict) or not isinstance(one.get("HashName"), str):
            raise BadLineError("AlternativeHashes must name each hash", "AlternativeHashes")
        if one.get("HashValue") not in (None, ""):
            draft.signal(one["HashName"], one["HashValue"], "AlternativeHashes")


def _category(value: object) -> str:
    """As text; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadLineError("Category must be a number or text", "Category")
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text.strip()
