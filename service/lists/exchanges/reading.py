"""The few facts of a page that say where the next one is, read without keeping the page.

It knows JSON and XML; what stands in an entry is for ``service.lists.formats``.
"""

from __future__ import annotations

import xml.parsers.expat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import ijson

from service.lists.exchanges.errors import ExchangeOddError

_CHUNK: Final = 1 << 16
_LONGEST: Final = 4096
"""Characters of a fact."""
_MOST: Final = 64
"""Facts of one name."""
_DEPTH: Final = 64


def json_values(
    page: BinaryIO, start: int, names: Collection[str]
) -> Mapping[str, str | int | float | bool | None]:
    """Of the JSON object from ``start`` on, its plain values called ``names``.

    Raises ``ExchangeOddError`` for a page that is no JSON object or breaks off.
    """
    page.seek(start)
    found: dict[str, str | int | float | bool | None] = {}
    depth = 0
    try:
        for prefix, event, value in ijson.parse(page, buf_size=_CHUNK, use_float=True):
            if event in ("start_map", "start_array"):
                depth += 1
                if depth == 1 and event != "start_map":
                    raise ExchangeOddError("the exchange's page is no JSON object")
                if depth > _DEPTH:
                    raise ExchangeOddError("the exchange's page is nested too deeply")
            elif event in ("end_map", "end_array"):
                depth -= 1
            elif prefix in names and event in ("string", "number", "boolean", "null"):
                if isinstance(value, str) and len(value) > _LONGEST:
                    raise ExchangeOddError(f"{prefix} of the exchange's page is too long")
                found[prefix] = value
    except (ijson.JSONError, UnicodeDecodeError, OverflowError, ValueError):
        raise ExchangeOddError("the exchange's page is not JSON, or breaks off") from None
    page.seek(0, 2)
    return found


@dataclass(frozen=True)
class XmlFacts:
    """What was asked of an XML page."""

    root: str
    texts: Mapping[str, list[str]]
    """Element's local name to the texts of such elements."""
    attributes: Mapping[str, list[str]]
    """Attribute's name to its values, wherever it stands."""


def xml_facts(
    page: BinaryIO,
    start: int,
    texts: Collection[str],
    attributes: Collection[str],
    host: str,
) -> XmlFacts:
    """Of the XML document from ``start`` on, the texts of some elements and some attributes.

    Documents that define entities are refused. Raises ``ExchangeOddError``.
    """
    page.seek(start)
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    facts = XmlFacts("", {name: [] for name in texts}, {name: [] for name in attributes})
    stack: list[str] = []
    root = ""

    def begin(name: str, given: dict[str, str]) -> None:
        nonlocal root
        local = name.rpartition(" ")[2]
        root = root or local
        stack.append(local)
        if len(stack) > _DEPTH:
            raise ExchangeOddError(f"{host} sends XML that is nested too deeply")
        if local in facts.texts:
            _keep(facts.texts[local], "", host)
        for key in facts.attributes:
            if key in given:
                _keep(facts.attributes[key], given[key], host)

    def end(name: str) -> None:
        del name
        stack.pop()

    def text(data: str) -> None:
        if stack and stack[-1] in facts.texts:
            so_far = facts.texts[stack[-1]]
            so_far[-1] += data
            if len(so_far[-1]) > _LONGEST:
                raise ExchangeOddError(f"{host} sends a link that is too long")

    def refuse(*_: object) -> None:
        raise ExchangeOddError(f"{host} sends XML that defines entities")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = parser.StartDoctypeDeclHandler = refuse
    try:
        while chunk := page.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except xml.parsers.expat.ExpatError:
        raise ExchangeOddError(f"{host} sends XML that is none, or breaks off") from None
    page.seek(0, 2)
    return XmlFacts(root, facts.texts, facts.attributes)


def _keep(kept: list[str], value: str, host: str) -> None:
    if len(kept) >= _MOST or len(value) > _LONGEST:
        raise ExchangeOddError(f"{host} says more of the next page than there is to say")
    kept.append(value)
