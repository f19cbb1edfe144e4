"""Lists that are read by a column map: which column means what, and what its cells mean."""

from __future__ import annotations

import json

import pytest

from service.domain.values import ImportRow, RejectedLine, Withdrawn
from service.lists.formats import (
    BadMapError,
    ListReader,
    ReadOptions,
    UnreadableListError,
    load_map,
    parse_map,
    shipped_maps,
)
from service.lists.formats.column_maps import map_of
from tests.service.formats import hotlines as made

MD5, SHA1 = made.hexed("md5", 1), made.hexed("sha1", 1)
OTHER = made.hexed("md5", 2)

MAP = """
[columns]
provider_id = "Image ID"
md5 = ["MD5", "Original MD5"]
labels = ["Category", "Subset"]
[constants]
labels = ["hotline"]
[tables.Category]
"1" = "A"
"2" = ["B", "C"]
"9" = false
[withdrawn]
Status = ["deleted", "Removed"]
"""


def _reader(data: str | bytes, text: str, format_: str | None = None) -> ListReader:
    raw = data.encode() if isinstance(data, str) else data
    return ListReader([raw], format_, ReadOptions(columns=parse_map(text.encode())))


def test_columns_unions_constants_tables_and_withdrawals() -> None:
    reader = _reader(
        "image id;MD5;Original MD5;Category;Subset;Status;Note\r\n"
        f"1;{MD5};;1;S;active;x\r\n"
        f"2;;{OTHER};2;;;\r\n"
        f"3;{MD5};{OTHER};;;;\r\n"
        f"4;{MD5};;9;;;\r\n"
        "5;;;;;REMOVED;\r\n"
        f"6;{MD5};;7;;;\r\n",
        MAP,
    )
    one, two, three, five, six = reader
    assert isinstance(one, ImportRow)
    assert (one.provider_id, one.labels) == ("1", ("A", "S", "hotline"))
    assert isinstance(two, ImportRow)
    assert (two.signals.md5, two.labels) == (bytes.fromhex(OTHER), ("B", "C", "hotline"))
    assert isinstance(three, ImportRow)
    assert {item.value.hex() for item in three.signals.items} == {MD5, OTHER}
    assert five == Withdrawn(6, "5")
    assert six == RejectedLine(7, "category has a value that is not in the map's table", "category")
    assert reader.ignored == ("note",)
    assert reader.passed_over == {"entry of a category that is not listed": 1}


def test_a_cell_may_break_over_lines_and_an_open_quote_costs_one_line() -> None:
    reader = _reader(
        "Image ID,MD5,Original MD5,Category,Subset,Status,Note\n"
        f'1,{MD5},,,,,"over\n\nthree lines"\n'
        f'2,{MD5},,,,,"open\n'
        f"3,{MD5},,,,,\n"
        f'4,{MD5},,,,,"x" y\n'
        f'5,{MD5},,,,,"again open',
        MAP,
    )
    rows = list(reader)
    assert [row.provider_id if isinstance(row, ImportRow) else row for row in rows] == [
        "1",
        RejectedLine(5, "not CSV: a quote is open or out of place"),
        "3",
        RejectedLine(7, "not CSV: a quote is open or out of place"),
        RejectedLine(8, "not CSV: a quote is open or out of place"),
    ]


@pytest.mark.parametrize(
    ("python", "named"),
    [("utf-8-sig", None), ("utf-16", None), ("cp1252", "windows-1252"), ("utf-16-le", "utf-16-le"),
     ("shift_jis", "shift_jis"), ("cp437", "cp437")],
)  # fmt: skip
def test_encodings_are_told_apart_or_named(python: str, named: str | None) -> None:
    label = "日本" if python == "shift_jis" else "é"
    data = f"MD5,Group\n{MD5},{label}\n".encode(python)
    text = f'encoding = "{named}"\n' if named else ""
    (row,) = _reader(data, text + '[columns]\nmd5 = "MD5"\nlabels = "Group"\n')
    assert isinstance(row, ImportRow)
    assert row.labels == (label,)


def test_a_legacy_code_page_that_nobody_names_costs_its_lines_and_says_what_to_do() -> None:
    data = f"MD5,Group\n{MD5},é\n{OTHER},e\n".encode("cp1252")
    first, second = _reader(data, '[columns]\nmd5 = "MD5"\nlabels = "Group"\n')
    assert isinstance(first, RejectedLine)
    assert "name its encoding in a column map" in first.reason
    assert isinstance(second, ImportRow)


def test_json_lines_and_json_documents_are_mapped_too() -> None:
    record = {"Id": 7, "Hash": MD5.upper(), "Kinds": ["x", "y"], "More": {"a": 1}}
    columns = '[columns]\nprovider_id = "Id"\nmd5 = "Hash"\nlabels = "Kinds"\n'
    for text, data in (
        ('format = "jsonl"\n', json.dumps(record) + "\n[]\n"),
        ('format = "json"\nrecords = "a.b.item"\n', json.dumps({"a": {"b": [record, []]}})),
    ):
        reader = _reader(data, text + columns)
        good, bad = reader
        assert isinstance(good, ImportRow)
        assert (good.provider_id, good.labels) == ("7", ("x", "y"))
        assert good.signals.md5 == bytes.fromhex(MD5)
        assert bad == RejectedLine(2, "not a JSON object")
        assert reader.ignored == ("More",)


def test_a_list_that_the_map_does_not_describe_is_refused() -> None:
    with pytest.raises(UnreadableListError, match="no column for any signal"):
        list(_reader("a,b\n1,2\n", MAP))
    with pytest.raises(UnreadableListError, match=r"no column for provider_id \(image id\)"):
        list(_reader(f"MD5,Category,Subset,Status\n{MD5},,,\n", MAP))
    with pytest.raises(UnreadableListError, match="begins with a header"):
        list(_reader("", MAP))
    with pytest.raises(BadMapError, match="the map is for 'csv', not for 'vic'"):
        _reader("", MAP, "vic")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "not TOML"),
        ("[column]\n", "unknown key 'column'"),
        ('[columns]\nmd6 = "x"\n', "columns.md6"),
        ("[columns]\nmd5 = 1\n", "columns.md5 must be text"),
        ('[columns]\nlabels = "x"\n', "reads no signal"),
        ('columns = "x"\n', "columns must be a table"),
        ('encoding = "klingon"\n[columns]\nmd5 = "x"\n', "encoding must name"),
        ('encoding = "hex"\n[columns]\nmd5 = "x"\n', "encoding must name"),
        ('encoding = "idna"\n[columns]\nmd5 = "x"\n', "encoding must name"),
        ('delimiter = "::"\n[columns]\nmd5 = "x"\n', "delimiter must be one character"),
        ('[columns]\nmd5 = "x"\n[tables.y]\n"1" = "A"\n', "no label is read from this column"),
        ('[columns]\nmd5 = "x"\n[constants]\nmd5 = "00"\n', "only labels may be the same"),
        ("a = " + "[" * 5000, "not TOML"),
        ("#" * 300_000, "more than 262144 bytes"),
    ],
)
def test_a_map_that_cannot_be_followed_says_why(text: str, words: str) -> None:
    with pytest.raises(BadMapError, match=words):
        parse_map(text.encode())


def test_the_shipped_map_reads_lists_as_the_iwf_describes_them() -> None:
    assert "iwf" in shipped_maps()
    data = f"MD5,SHA-1,Category\n{MD5},{SHA1},A\n{OTHER},,Category C\n{OTHER},,X\n"
    for columns in (load_map("iwf"), map_of("iwf")):
        rows = list(ListReader([data.encode()], None, ReadOptions(columns=columns)))
        assert [row.labels if isinstance(row, ImportRow) else row.line for row in rows] == [
            ("A",), ("C",), 4,
        ]  # fmt: skip


def test_no_file_is_opened_for_a_map_that_comes_from_outside(tmp_path: object) -> None:
    for name in (f"{tmp_path}/x.toml", "../iwf", "nothing"):
        with pytest.raises(BadMapError):
            map_of(name)
    with pytest.raises(BadMapError, match="no map 'nothing' is shipped"):
        load_map("nothing")
    with pytest.raises(BadMapError, match="No such file"):
        load_map(f"{tmp_path}/x.toml")
