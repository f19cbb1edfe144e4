"""Bytes to lines: ends, marks, hostile content, and no dependence on how the bytes arrive."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.values import RejectedLine
from service.lists.formats.errors import UnreadableListError
from service.lists.formats.lines import MAX_LINE, Line, read_lines


def _read(*chunks: bytes) -> list[Line | RejectedLine]:
    return list(read_lines(chunks))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_each_kind_of_line_end_counts_once_and_blank_lines_say_nothing(end: bytes) -> None:
    data = end.join([b"one", b"", b"  \t", b"four", b""])
    assert _read(data) == [Line(1, "one"), Line(4, "four")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert _read(b"\xef\xbb\xbfmd5,url\n") == [Line(1, "md5,url")]


def test_bad_lines_cost_only_themselves() -> None:
    assert _read(b"good\nnul\0here\nlatin \xe9\nalso good") == [
        Line(1, "good"),
        RejectedLine(2, "holds a NUL byte"),
        RejectedLine(
            3, "not UTF-8, at byte 7: save the list as UTF-8, or name its encoding in a column map"
        ),
        Line(4, "also good"),
    ]


def test_the_longest_line_is_read_and_one_byte_more_is_not() -> None:
    lines = _read(b"a" * MAX_LINE + b"\n" + b"b" * (MAX_LINE + 1) + b"\nc")
    assert lines == [
        Line(1, "a" * MAX_LINE),
        RejectedLine(2, f"longer than {MAX_LINE} bytes"),
        Line(3, "c"),
    ]


def test_a_line_without_end_takes_no_more_memory_than_a_long_one() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65536
        yield b"\nlast\n"

    tracemalloc.start()
    try:
        lines = list(read_lines(endless()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == [RejectedLine(1, f"longer than {MAX_LINE} bytes"), Line(2, "last")]
    assert peak < 4 * MAX_LINE


@pytest.mark.parametrize(
    ("start", "word"),
    [
        ("md5\n".encode("utf-16-le"), "UTF-16 text without a byte-order mark"),
        ("md5\n".encode("utf-16-be"), "UTF-16 text without a byte-order mark"),
        ("md5\n".encode("utf-32"), "UTF-32"),
        (b"\0\0\xfe\xff", "UTF-32"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"SQLite format 3\x00", "SQLite"),
    ],
)
def test_a_file_of_another_kind_is_named(start: bytes, word: str) -> None:
    with pytest.raises(UnreadableListError, match=word):
        _read(start)
    with pytest.raises(UnreadableListError, match=word):  # a byte at a time, too
        _read(*(start[i : i + 1] for i in range(len(start))))


@given(
    data=st.lists(
        st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xff", b"\0", b"x" * (MAX_LINE // 2)]),
        max_size=20,
    ).map(b"".join),
    cuts=st.lists(st.integers(0, 80), max_size=5),
)
def test_how_bytes_are_cut_into_chunks_changes_nothing(data: bytes, cuts: list[int]) -> None:
    data = b"list\n" + data  # or it may begin as UTF-16 does
    chunks, rest = [], data
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    assert _read(*chunks, rest) == _read(data)
    # What Python itself takes for a line, counted by it.
    numbers = [n for n, line in enumerate(data.splitlines(), 1) if line.strip()]
    assert [line.number if isinstance(line, Line) else line.line for line in _read(data)] == numbers


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@given(text=st.text("a\r\n\u00e9\u4e00\U0001f600\0", max_size=60), cut=st.integers(0, 120))
def test_utf_16_with_its_mark_is_read_as_utf_8_is(encoding: str, text: str, cut: int) -> None:
    text = "list\n" + text  # or it may begin as another encoding does
    data = ("\ufeff" + text).encode(encoding)
    assert _read(data[:cut], data[cut:]) == _read(text.encode())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("half", [0xD800, 0xDC00])
def test_half_a_character_of_utf_16_costs_its_line(encoding: str, half: int) -> None:
    text = f"\ufeffgood\nbad{chr(half)}\nlast".encode(encoding, "surrogatepass")
    assert _read(text) == [Line(1, "good"), RejectedLine(2, "not UTF-16"), Line(3, "last")]
    assert _read(text + b"\0")[-1] == RejectedLine(3, "not UTF-16")
