"""Lists as people have them, read row by row: what is taken, what is refused, and why."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.signals import Signals
from service.domain.values import ImportRow, RejectedLine
from service.lists.formats import (
    Format,
    IncompleteListError,
    ListReader,
    UnknownFormatError,
    UnreadableListError,
    format_named,
)

MD5 = "0cc175b9c0f1b6a831c399e269772661"
SHA256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


def _read(text: str | bytes, format: Format | None = None) -> list[ImportRow | RejectedLine]:  # noqa: A002
    data = text.encode() if isinstance(text, str) else text
    return list(ListReader([data], format).present())


def _reasons(text: str, format: Format | None = None) -> list[tuple[int, str]]:  # noqa: A002
    rows = _read(text, format)
    assert all(isinstance(row, RejectedLine) for row in rows), rows
    return [(row.line, row.reason) for row in rows if isinstance(row, RejectedLine)]


def test_csv_with_every_column() -> None:
    text = (
        "provider_id,md5,sha256,pdq,pdq_quality,codes,quality,url,labels\n"
        f'a-1,{MD5.upper()},{SHA256},{PDQ},97,lite0-256-0={PDQ};x-1={SHA256},0.5,"https://a.example/?q=1,2",B;A\n'
    )
    assert _read(text) == [
        ImportRow(
            line=2,
            provider_id="a-1",
            labels=("A", "B"),
            signals=Signals.of(
                md5=bytes.fromhex(MD5),
                sha256=bytes.fromhex(SHA256),
                pdq=bytes.fromhex(PDQ),
                pdq_quality=97,
                codes={"lite0-256-0": bytes.fromhex(PDQ), "x-1": bytes.fromhex(SHA256)},
                quality=0.5,
                url="https://a.example/?q=1,2",
            ),
        )
    ]


def test_csv_from_a_spreadsheet_is_read() -> None:
    """A mark, CRLF, semicolons, other spellings of the headings, and rows of nothing at the end."""
    text = f"\ufeffID;SHA-256;Label\r\n7;{SHA256.upper()};A\r\n;;\r\n;;\r\n"
    assert _read(text) == [
        ImportRow(2, Signals.of(sha256=bytes.fromhex(SHA256)), provider_id="7", labels=("A",))
    ]


def test_an_open_quote_spoils_its_own_line_and_no_other() -> None:
    rows = _read(f'md5,provider_id\n{MD5},"open\n{MD5},2\n{MD5},"3"x\n{MD5},"4,""5"""\n')
    assert [row.reason if isinstance(row, RejectedLine) else row.provider_id for row in rows] == [
        "not CSV: a quote is open or out of place",
        "2",
        "not CSV: a quote is open or out of place",
        '4,"5"',
    ]


def test_csv_lines_that_do_not_fit_say_why() -> None:
    text = (
        "md5,pdq,pdq_quality,quality,codes\n"
        f"{MD5},{PDQ}\n"
        f"{MD5}0,,,,\n"
        f"{MD5},{PDQ},101,,\n"
        f"{MD5},{PDQ},9.5,,\n"
        f"{MD5},,,nan,\n"
        f"{MD5},,,,{PDQ}\n"
        f"{MD5},,,,a={PDQ};a={PDQ}\n"
        ",,50,,\n"
    )
    assert _reasons(text) == [
        (2, "2 cells under a header of 5"),
        (3, "md5 must be 32 hex digits, not 33 characters like this"),
        (4, "pdq_quality must be an integer from 0 to 100"),
        (5, "pdq_quality must be an integer from 0 to 100"),
        (6, "quality must be a number from 0 to 1"),
        (7, "codes must be SPACE=hex, divided by ';'"),
        (8, "codes name one space twice"),
        (9, "no signal to match"),
    ]


def test_columns_that_nobody_reads_are_named_and_those_of_our_own_hasher_are_not() -> None:
    reader = ListReader([f"path,sha256,vision,note,width\nx.png,{SHA256},AAAA,hi,9\n".encode()])
    assert len(list(reader)) == 1
    assert reader.ignored == ("note", "vision")


def test_json_lines_as_our_own_hasher_writes_them() -> None:
    good = {
        "path": "a/b.png", "md5": MD5, "sha256": SHA256, "pdq": PDQ, "pdq_quality": 97,
        "codes": {"lite0-256-0": PDQ}, "quality": 0.8, "photographic": 0.1, "width": 9, "height": 9,
    }  # fmt: skip
    bad = {"path": "c.txt", "error": {"code": "unsupported_image", "message": "not an image"}}
    reader = ListReader([(json.dumps(good) + "\n" + json.dumps(bad) + "\n").encode()])
    first, second = list(reader)
    assert isinstance(first, ImportRow)
    assert first.provider_id is None
    assert first.signals.codes == {"lite0-256-0": bytes.fromhex(PDQ)}
    assert second == RejectedLine(
        2, "c.txt could not be fingerprinted (unsupported_image), so it has no signals"
    )
    assert (reader.format, reader.ignored) == (Format.JSONL, ())


def test_json_lines_that_do_not_fit_say_why() -> None:
    text = "\n".join(
        [
            '{"md5": "00"',
            "[]",
            '{"md5": 12}',
            f'{{"md5": "{MD5}", "md5": "{MD5}"}}',
            f'{{"md5": "{MD5}", "quality": NaN}}',
            f'{{"md5": "{MD5}", "provider_id": ["x"]}}',
            f'{{"md5": "{MD5}", "labels": "A"}}',
            f'{{"md5": "{MD5}", "provider_id": "\\ud800"}}',
            f'{{"md5": "{MD5}", "provider_id": "{"x" * 257}"}}',
            '{"md5": ' + "[" * 30_000,
            '{"md5": ' + "1" * 10_000 + "}",
            "{}",
        ]
    )
    assert _reasons(text, Format.JSONL) == [
        (1, "not JSON: expecting ',' delimiter, at column 13"),
        (2, "not a JSON object"),
        (3, "md5 must be text, 32 hex digits"),
        (4, "not JSON that we read: a key stands twice in one object"),
        (5, "not JSON: NaN is no JSON number"),
        (6, "provider_id must be text or an integer"),
        (7, "labels must be a list of texts"),
        (8, "provider_id must be printable, without spaces around it"),
        (9, "provider_id must have 1 to 256 characters, not 257"),
        (10, "not JSON that we read: too deep, or a number too long"),
        (11, "not JSON that we read: too deep, or a number too long"),
        (12, "no signal to match"),
    ]


def test_a_number_may_be_a_provider_id() -> None:
    row = _read(f'{{"provider_id": 12, "md5": "{MD5}"}}')[0]
    assert isinstance(row, ImportRow)
    assert row.provider_id == "12"


def test_text_as_threatexchange_writes_it() -> None:
    text = f"# exported\npdq {PDQ}\nmd5\t{MD5.upper()}\n\ncode:lite0-256-0 {SHA256}\nurl https://a.example/p\n"
    rows = _read(text)
    assert [row.signals for row in rows if isinstance(row, ImportRow)] == [
        Signals.of(pdq=bytes.fromhex(PDQ)),
        Signals.of(md5=bytes.fromhex(MD5)),
        Signals.of(codes={"lite0-256-0": bytes.fromhex(SHA256)}),
        Signals.of(url="https://a.example/p"),
    ]


def test_text_lines_that_do_not_fit_say_why_without_repeating_a_hash() -> None:
    text = f"pdq {PDQ} extra\ntmk {MD5}\n{PDQ} pdq\npdq {MD5}\n"
    reasons = _reasons(text, Format.TEXT)
    known = "md5, pdq, photodna, sha1, sha256, url, video_md5, video_sha256, code:SPACE"
    assert reasons == [
        (1, "3 words where 'signal_type hash' has two"),
        (2, f"signal type 'tmk' is none of {known}"),
        (3, f"the first word is none of {known}"),
        (4, "pdq must be 64 hex digits, not 32 characters like this"),
    ]
    assert not any(hash_ in reason for _, reason in reasons for hash_ in (PDQ, MD5))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (f"sha256\n{SHA256}\n", Format.CSV),
        (f'"provider_id"\t"pdq"\n1\t{PDQ}\n', Format.CSV),
        (f'  {{"md5": "{MD5}"}}\n', Format.JSONL),
        (f"pdq {PDQ}\n", Format.TEXT),
        (f"\n\n# hello\npdq {PDQ}\n", Format.TEXT),
        (f"# hello\n# and more\nsha256\n{SHA256}\n", Format.CSV),
        (f'# hello\n{{"md5": "{MD5}"}}\n', Format.JSONL),
        (f"sep=;\r\nid;md5\r\n1;{MD5}\r\n", Format.CSV),
        (f'# hello\n"sep=\t"\nid\tmd5\n1\t{MD5}\n', Format.CSV),
    ],
)
def test_the_format_is_found_from_the_first_line(start: str, expected: Format) -> None:
    reader = ListReader([start.encode()])
    assert reader.format is expected
    assert [type(row) for row in reader] == [ImportRow]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        (f"{MD5}\n{MD5}\n", "bare hash"),
        ('[{"md5": "x"}]', "JSON array"),
        ("dear colleague,\nhere is the list", "cannot tell the format"),
        ("name,size\nx,1\n", "cannot tell the format"),
        ("\0\0\n" * 200, "none can be read"),
        (f"sep=|\nmd5|sha1\n{MD5}|\n", "'sep=' names a delimiter"),
        (f"# entries: 1\nmd5\n{MD5}\n# entries: 2\n", "line 4 says that the list has 2 entries"),
    ],
)
def test_what_is_no_list_is_refused_whole(text: str, words: str) -> None:
    with pytest.raises(UnreadableListError, match=words):
        _read(text)


def test_a_csv_header_must_make_sense() -> None:
    with pytest.raises(UnreadableListError, match="names no signal"):
        _read("name,size\n", Format.CSV)
    with pytest.raises(UnreadableListError, match="two columns 'md5'"):
        _read("md5,MD5\n", Format.CSV)
    with pytest.raises(UnreadableListError, match="quote"):
        _read('md5,"url\n', Format.CSV)
    with pytest.raises(UnreadableListError, match="begins with a header"):
        _read("", Format.CSV)


def test_formats_have_names() -> None:
    assert format_named("CSV") is Format.CSV
    with pytest.raises(UnknownFormatError, match="known are csv, jsonl, text"):
        format_named("xml")


def test_lines_before_the_first_readable_one_are_reported_too() -> None:
    rows = _read(b"\xff\nmd5 " + MD5.encode() + b"\n")
    assert [type(row) for row in rows] == [RejectedLine, ImportRow]


_PIECES = [
    *(
        piece.encode()
        for piece in ("md5", "sha256,", "pdq ", "codes", '{"md5":"', "1e400", MD5, PDQ)
    ),
    *(bytes([mark]) for mark in b',;"\n\r{}:=\\ #-\0\xff'),
]
_HOSTILE = st.lists(st.sampled_from(_PIECES) | st.binary(max_size=4), max_size=40).map(b"".join)


@given(data=_HOSTILE, format=st.sampled_from([None, *Format]))
@example(data=b"md5,\r\n\r\n,", format=None)
def test_whatever_the_bytes_each_line_is_a_row_or_a_reason(
    data: bytes,
    format: Format | None,  # noqa: A002
) -> None:
    try:
        rows = list(ListReader([data], format).present())
    except UnreadableListError:
        return
    numbers = [row.line for row in rows]
    assert numbers == sorted(set(numbers))
    for row in rows:
        assert row.reason.isprintable() if isinstance(row, RejectedLine) else bool(row.signals)


def _rows(text: str | bytes) -> list[ImportRow]:
    rows = _read(text)
    assert all(isinstance(row, ImportRow) for row in rows), rows
    return [row for row in rows if isinstance(row, ImportRow)]


def test_empty_cells_beyond_the_header_are_passed_over_and_full_ones_are_not() -> None:
    """Police lists end each line but the header with a delimiter."""
    rows = _read(f"MD5;Media Type\r\n{MD5};Image;\r\n{MD5};Image; ;;\r\n{MD5};Image;x\r\n{MD5}\r\n")
    assert [row.reason if isinstance(row, RejectedLine) else "" for row in rows] == [
        "", "", "3 cells under a header of 2", "1 cells under a header of 2",
    ]  # fmt: skip


def test_a_header_may_end_in_cells_without_a_name() -> None:
    """What stands under a heading without a name is not read, which is said if there is any."""
    assert len(_rows(f"md5,sha1,,\n{MD5},\n{MD5},,,\n")) == 2
    reader = ListReader([f",md5,\n0,{MD5},\n".encode()])
    assert len(list(reader)) == 1
    assert reader.ignored == ("(no name)",)


@pytest.mark.parametrize(
    "text",
    [
        f"md5,pdq,pdq_quality\n{MD5},{PDQ},97.0\n",
        f'{{"md5": "{MD5}", "pdq": "{PDQ}", "pdq_quality": 97.0}}',
    ],
)
def test_a_whole_number_may_be_written_with_a_fraction(text: str) -> None:
    assert [row.signals.pdq_quality for row in _rows(text)] == [97]


@pytest.mark.parametrize("value", ["97.5", "1e400", "-1.0", "9007199254740993.0"])
def test_a_number_that_is_not_whole_stays_refused(value: str) -> None:
    for text in (
        f'{{"md5": "{MD5}", "pdq_quality": {value}}}',
        f"md5,pdq_quality\n{MD5},{value}\n",
    ):
        assert [reason for _, reason in _reasons(text)] == [
            "pdq_quality must be an integer from 0 to 100"
        ]


def test_an_id_that_a_table_made_a_float_of_is_the_integer() -> None:
    assert [row.provider_id for row in _rows(f'{{"id": 12.0, "md5": "{MD5}"}}')] == ["12"]


@pytest.mark.parametrize("nothing", ["NULL", "null", "\\N", ""])
def test_what_databases_write_for_nothing_is_nothing(nothing: str) -> None:
    rows = _rows(
        f"id,md5,sha1,pdq_quality,quality,labels\n{nothing},{MD5}" + f",{nothing}" * 4 + "\n"
    )
    assert rows == [ImportRow(2, Signals.of(md5=bytes.fromhex(MD5)))]
    in_json = json.dumps({"id": nothing, "md5": MD5, "sha1": nothing, "pdq_quality": None})
    assert _rows(in_json) == [ImportRow(1, Signals.of(md5=bytes.fromhex(MD5)))]


def test_keys_may_be_in_capitals_and_no_two_may_mean_the_same() -> None:
    assert _rows(f'{{"MD5": "{MD5}", "SHA-256": "{SHA256}", "ID": 7}}') == [
        ImportRow(1, Signals.of(md5=bytes.fromhex(MD5), sha256=bytes.fromhex(SHA256)), "7")
    ]
    assert _reasons(f'{{"MD5": "{MD5}", "md5": "{SHA256}"}}') == [(1, "two keys for 'md5'")]


def test_utf_16_with_its_mark_is_a_list_like_any_other() -> None:
    text = f"\ufeffid;md5\r\n\u00e9;{MD5}\r\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert [row.provider_id for row in _rows(text.encode(encoding))] == ["\u00e9"]


_STATED = {
    Format.CSV: ("# entries: {}\n", f"md5\n{MD5}\n"),
    Format.TEXT: ("#Entries:{}\n", f"pdq {PDQ}\n"),
    Format.JSONL: ('{{"entries": {}}}\n', f'{{"md5": "{MD5}"}}\n'),
}


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("place", ["header", "trailer", "both"])
def test_a_list_shorter_than_it_says_is_refused(format_: Format, place: str) -> None:
    """Whether the length stands at its start, at its end or at both, and bad lines count too."""
    line, entries = _STATED[format_]

    def stating(count: int) -> str:
        stated = line.format(count)
        return (
            (stated if place != "trailer" else "") + entries + (stated if place != "header" else "")
        )

    assert len(_rows(stating(1))) == 1
    assert len(_rows(stating(0))) == 1
    with pytest.raises(IncompleteListError, match="says that it has 2 entries and ends after 1"):
        _read(stating(2))
    with_bad = stating(2) + ("pdq 00\n" if format_ is Format.TEXT else "00\n")
    assert [type(row) for row in _read(with_bad)] == [ImportRow, RejectedLine]


def test_a_spreadsheet_s_empty_cells_do_not_hide_a_stated_length() -> None:
    with pytest.raises(IncompleteListError):
        _read(f"# entries: 3,,\nmd5,sha1,url\n{MD5},,\n")


def test_a_list_that_says_it_is_empty_is() -> None:
    for start in ("# entries: 0\n", '{"entries": 0}\n'):
        assert _read(start) == []
        with pytest.raises(IncompleteListError):
            _read(start.replace("0", "1"))
