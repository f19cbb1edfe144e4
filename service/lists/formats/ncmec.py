"""NCMEC's Hash Sharing API, version 2, as files: XML of images and videos with their fingerprints.

::

    <queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
      <images count="1" maxTimestamp="…">
        <image><member id="42">…</member><timestamp>…</timestamp><id>…</id>
          <classification>A1</classification><fingerprints><md5>…</md5><pdq>…</pdq></fingerprints>
        </image>
        <deletedImage><member id="42">…</member><id>…</id><timestamp>…</timestamp></deletedImage>
      </images>
      <videos …>…</videos>
    </queryResult>

An entry's id is ``member/id``, since each member numbers its own. A ``deletedImage`` or
``deletedVideo`` takes an entry off the list. ``md5`` of a video is ``video_md5`` besides. The
parser is expat, which comes with Python: a document type is refused, so that no entity is ever
declared, and what is nested deep or has no end is refused while it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from service.domain.signals import types_by_name
from service.domain.values import RejectedLine, Withdrawn
from service.lists.formats.column_maps import ColumnMap
from service.lists.formats.drafts import Draft, Notes, Row
from service.lists.formats.errors import BadLineError, IncompleteListError, UnreadableListError
from service.lists.formats.streams import ByteStream

NAME: Final = "ncmec"
NAMESPACE: Final = "https://hashsharing.ncmec.org/hashsharing/v2"

MAX_DEPTH: Final = 32
"""Elements within one another; a real document has nine."""

MAX_TOKEN: Final = 1 << 20
"""Bytes of one tag or comment."""

MAX_ENTRY: Final = 1 << 20
"""Characters of one entry; each element counts as 64."""

_ROOT: Final = f"{NAMESPACE} queryResult"
_ENTRIES: Final = {
    f"{NAMESPACE} {name}": name for name in ("image", "deletedImage", "video", "deletedVideo")
}
_SAID: Final = {f"{NAMESPACE} {name}": name for name in ("id", "classification")}
_PAGING: Final = f"{NAMESPACE} paging"
_NEXT: Final = f"{NAMESPACE} next"
_MEMBER: Final = f"{NAMESPACE} member"
_FINGERPRINTS: Final = f"{NAMESPACE} fingerprints"


def recognises(head: bytes) -> bool:
    """Whether this is how such a document begins."""
    return head.lstrip().startswith(b"<") and (b"queryResult" in head or b"hashsharing" in head)


def rows(stream: ByteStream, columns: ColumnMap | None, notes: Notes) -> Iterator[Row]:
    """The rows of one document. Raises ``UnreadableListError`` and ``IncompleteListError``."""
    reading = _Document(notes, columns)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    came = 0
    try:
        for chunk in stream:
            parser.Parse(chunk, False)
            came += len(chunk)
            if came - parser.CurrentByteIndex > MAX_TOKEN:
                raise UnreadableListError(f"XML with a tag longer than {MAX_TOKEN} bytes")
            yield from reading.taken()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        if error.code in _CUT_OFF and came:
            raise IncompleteListError(
                "the XML document breaks off: it was cut off on its way, so nothing was imported;"
                " get it again"
            ) from None
        raise UnreadableListError(
            f"not XML: {expat.ErrorString(error.code)}, on line {error.lineno}"
        ) from None
    except (LookupError, ValueError):
        raise UnreadableListError("XML in an encoding that is not read: save it as UTF-8") from None
    yield from reading.taken()
    notes.pages.append(reading.more)


_CUT_OFF: Final = frozenset(
    {expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
     expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
     expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
     expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION]}
)  # fmt: skip


def _refuse(*_: object) -> None:
    raise UnreadableListError("XML with a document type: lists have none, and entities are refused")


class _Document:
    """What expat calls; entries come out by ``taken``."""

    def __init__(self, notes: Notes, columns: ColumnMap | None) -> None:
        self._notes, self._columns = notes, columns
        self._rows: list[Row] = []
        self._path: list[str] = []
        self._number = 0
        self._entry = ""  # which kind is open
        self._entry_depth = self._size = 0
        self._more = False
        self._texts: list[str] | None = None  # of the element that is open, where it is read
        self._said: dict[str, str] = {}
        self._prints: list[tuple[str, str]] = []

    @property
    def more(self) -> bool:
        """Whether the document names a next page."""
        return self._more

    def taken(self) -> list[Row]:
        """The rows since it was asked last."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        if not path and name != _ROOT:
            raise UnreadableListError(
                "not a hash list of NCMEC's: the outermost element is not queryResult of version 2"
            )
        if len(path) >= MAX_DEPTH:
            raise UnreadableListError(f"XML nested more than {MAX_DEPTH} deep: that is no list")
        if not self._entry:
            if name in _ENTRIES:
                self._entry, self._entry_depth = _ENTRIES[name], len(path)
                self._number += 1
                self._size, self._said, self._prints = 0, {}, []
            elif name == _NEXT and path[-1] == _PAGING:
                self._more = True
        else:
            self._size += 64
            inside = len(path) - self._entry_depth
            if inside == 1:
                if name in _SAID:
                    self._texts = []
                elif name == _MEMBER:
                    self._said["member"] = attributes.get("id", "")
            elif inside == 2 and path[-1] == _FINGERPRINTS:
                self._texts = []
                if "href" in attributes:
                    self._said["href"] = name
            if self._size > MAX_ENTRY:
                raise UnreadableListError(f"an entry of more than {MAX_ENTRY // 64} elements")
        path.append(name)

    def text(self, data: str) -> None:
        if self._texts is not None:
            self._texts.append(data)
        if self._entry:
            self._size += len(data)
            if self._size > MAX_ENTRY:
                raise UnreadableListError(f"an entry of more than {MAX_ENTRY} characters")

    def end(self, name: str) -> None:
        path = self._path
        path.pop()
        if self._texts is not None:
            text, self._texts = "".join(self._texts).strip(), None
            if path[-1] == _FINGERPRINTS:
                kind = name.rpartition(" ")[2]
                if text or self._said.pop("href", "") == name:
                    self._prints.append((kind, text))
            else:
                self._said[_SAID[name]] = text
        elif self._entry and len(path) == self._entry_depth:
            try:
                row = self._row()
            except BadLineError as error:
                row = RejectedLine(self._number, str(error), error.field)
            if row is not None:
                self._rows.append(row)
            self._entry = ""

    def _row(self) -> Row | None:
        member, identity = self._said.get("member", ""), self._said.get("id", "")
        if not identity or not member:
            raise BadLineError("an entry needs its id and its member's", "id")
        draft = Draft(self._notes)
        draft.provider_id = f"{member}/{identity}"
        if self._entry.startswith("deleted"):
            return Withdrawn(self._number, draft.provider_id)
        for kind, text in self._prints:
            self._fingerprint(draft, kind, text)
        columns = self._columns
        if columns is not None and not columns.fill(draft, dict(self._said), self._notes):
            return None
        label = self._said.get("classification")
        if label and (columns is None or "labels" not in columns.columns):
            draft.labels.append(label)
        return draft.row(self._number)

    def _fingerprint(self, draft: Draft, kind: str, text: str) -> None:
        if not text:  # it is to be fetched from elsewhere
            draft.unknown(kind)
            return
        draft.signal(kind, text, kind)
        if self._entry == "video" and f"video_{kind}" in types_by_name():
            draft.signal(f"video_{kind}", text, kind)
