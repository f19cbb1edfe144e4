"""The operator's guide to hash lists: each list and each map that it shows is read as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.domain.values import ImportRow
from service.lists.formats import FORMATS, ListReader, ReadOptions, parse_map

GUIDE = Path(__file__).parents[3] / "docs" / "hash-lists.md"


def _blocks(heading: str, kind: str) -> list[str]:
    """The blocks of code of a kind under a heading."""
    text = GUIDE.read_text()
    start = text.index(f"### {heading}\n")
    end = text.find("\n#", start + 1)
    return re.findall(rf"```{kind}\n(.*?)```", text[start:end], re.DOTALL)


@pytest.mark.parametrize("name", [one.name for one in FORMATS if one.recognises is not None])
def test_the_example_of_each_format_is_a_list_of_it(name: str) -> None:
    kind = "xml" if name == "ncmec" else "json"
    (example,) = _blocks(f"`{name}`", kind)
    reader = ListReader([example.encode()])
    (row,) = reader
    assert reader.format == name
    assert isinstance(row, ImportRow)
    assert row.signals


def test_the_map_of_the_guide_reads_the_list_of_the_guide() -> None:
    (text,) = _blocks("Column maps", "toml")
    (example,) = _blocks("Column maps", "csv")
    reader = ListReader([example.encode("cp1252")], None, ReadOptions(parse_map(text.encode())))
    (row,) = reader
    assert isinstance(row, ImportRow)
    assert (row.provider_id, row.labels) == ("7", ("A", "hotline"))


def test_the_map_for_project_vic_reads_the_list_of_the_guide() -> None:
    (text,) = _blocks("`vic`", "toml")
    (example,) = _blocks("`vic`", "json")
    (row,) = ListReader([example.encode()], None, ReadOptions(parse_map(text.encode())))
    assert isinstance(row, ImportRow)
    assert (row.provider_id, row.labels) == ("1", ("A",))


def test_every_format_has_its_section() -> None:
    text = GUIDE.read_text()
    assert [one.name for one in FORMATS if f"\n### `{one.name}`\n" not in text] == []
