"""Records out of JSON documents, one after the other, whatever the document's size.

It knows where in a document its records stand; not what a record says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from service.lists.formats.errors import IncompleteListError, UnreadableListError
from service.lists.formats.json_limits import JsonLimits
from service.lists.formats.lines import as_utf8
from service.lists.formats.streams import CHUNK, ByteStream

if TYPE_CHECKING:
    import ijson

RECORD: Final = "record"
"""What ``records_and_more`` calls a record."""

_SCALARS: Final = frozenset({"string", "number", "boolean", "null"})


def records(stream: ByteStream, place: str) -> Iterator[Any]:
    """Every value at ``place``, such as ``value.item``: the items of the array ``value``.

    Raises ``UnreadableListError`` and ``IncompleteListError``.
    """
    import ijson

    with _json_errors():
        yield from ijson.items(_guarded(stream, place), place, buf_size=CHUNK, use_float=True)


def records_and_more(
    stream: ByteStream, place: str, more: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    """Every value at ``place`` as a ``RECORD``, and each of ``more`` by its own name, in order.

    Documents may follow one another, as the pages of an answer do. Raises as ``records`` does.
    """
    import ijson

    builder: ijson.ObjectBuilder | None = None
    events = _events(stream, place)
    with _json_errors():
        for here, event, value in events:
            if builder is not None:
                builder.event(event, value)
                if here == place and event == "end_map":
                    yield RECORD, builder.value
                    builder = None
            elif here == place:
                if event == "start_map":
                    builder = ijson.ObjectBuilder()
                    builder.event(event, value)
                elif event != "end_array":
                    yield RECORD, value
            elif here in more and event in _SCALARS:
                yield here, value


def _events(stream: ByteStream, place: str) -> Iterator[tuple[str, str, Any]]:
    import ijson

    found: Iterator[tuple[str, str, Any]] = ijson.parse(
        _guarded(stream, place), buf_size=CHUNK, use_float=True, multiple_values=True
    )
    return found


def _guarded(stream: ByteStream, place: str) -> ByteStream:
    depth = 2 + place.count(".")  # the document's own brackets, and a pair for each step
    return ByteStream(JsonLimits(depth).guarded(as_utf8(stream)))


@contextmanager
def _json_errors() -> Iterator[None]:
    import ijson

    # What the parser says repeats a piece of the document, which may be a hash.
    try:
        yield
    except ijson.IncompleteJSONError as error:
        if "premature EOF" in str(error):
            raise IncompleteListError(
                "the JSON document breaks off: it was cut off on its way, so nothing was imported;"
                " get it again"
            ) from None
        raise UnreadableListError("not JSON") from None
    except (ijson.JSONError, UnicodeDecodeError, OverflowError, ValueError):
        raise UnreadableListError("not JSON, or JSON in another encoding than UTF-8") from None
