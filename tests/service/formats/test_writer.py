"""What is written reads back as the same rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.signals import Signals
from service.domain.values import ImportRow
from service.lists.formats import Format, IncompleteListError, ListReader, write_list


def _bytes(length: int) -> st.SearchStrategy[bytes | None]:
    return st.none() | st.binary(min_size=length, max_size=length)


_NAMES = (
    st.text(
        st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" ;,\"\\'|#="), max_size=40
    )
    .map(str.strip)
    .filter(bool)
)
_SIGNALS = st.builds(
    Signals.of,
    md5=_bytes(16),
    sha1=_bytes(20),
    sha256=_bytes(32),
    pdq=_bytes(32),
    codes=st.dictionaries(
        st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
        st.binary(min_size=32, max_size=32),
        max_size=3,
    ),
    url=st.none()
    | st.sampled_from(
        ["https://a.example/x?y=1;2,3", 'http://b.example/"q"', "https://ü.example/ö"]
    ),
    pdq_quality=st.none() | st.integers(0, 100),
    quality=st.none() | st.floats(0, 1),
).filter(bool)
_ROWS = st.lists(
    st.builds(
        ImportRow,
        line=st.just(0),
        signals=_SIGNALS,
        provider_id=st.none() | _NAMES,
        labels=st.lists(_NAMES, max_size=4).map(lambda labels: tuple(sorted(set(labels)))),
    ),
    min_size=1,
    max_size=5,
)


def _round_trip(rows: list[ImportRow], format: Format) -> list[ImportRow]:  # noqa: A002
    text = "".join(write_list(rows, format))
    if not text:
        return []
    reader = ListReader([text.encode()])
    assert reader.format is format
    back = list(reader)
    assert reader.ignored == ()
    assert all(isinstance(row, ImportRow) for row in back), back
    return [replace(row, line=0) for row in back if isinstance(row, ImportRow)]


@given(rows=_ROWS)
def test_csv_carries_everything(rows: list[ImportRow]) -> None:
    assert _round_trip(rows, Format.CSV) == rows


@given(rows=_ROWS)
def test_json_lines_carry_everything(rows: list[ImportRow]) -> None:
    assert _round_trip(rows, Format.JSONL) == rows


@given(rows=_ROWS)
def test_text_carries_every_usable_signal_one_a_line(rows: list[ImportRow]) -> None:
    """A hash of too low a quality is left out: without its quality it would be matched."""
    expected = []
    for row in rows:
        said = row.signals
        for kind in ("md5", "sha1", "sha256", "pdq"):
            value = getattr(said, kind)
            if value and (kind != "pdq" or said.pdq_usable):
                expected.append(Signals.of(**{kind: value}))
        if said.codes_usable:
            codes = sorted(said.codes.items())
            expected += [Signals.of(codes={space: code}) for space, code in codes]
        expected += [Signals.of(url=said.url)] if said.url else []
    assert [row.signals for row in _round_trip(rows, Format.TEXT)] == expected


@pytest.mark.parametrize("format_", Format)
def test_an_empty_list_says_so(format_: Format) -> None:
    text = "".join(write_list([], format_))
    assert text.startswith(("# entries: 0\n", '{"entries":0}\n'))
    assert list(ListReader([text.encode()])) == []


@pytest.mark.parametrize("format_", Format)
def test_a_list_that_is_cut_off_between_lines_is_noticed(format_: Format) -> None:
    """Wherever the cut is, below the line that states the length."""
    rows = [ImportRow(n, Signals.of(md5=bytes([n] * 16), sha1=bytes([n] * 20))) for n in range(3)]
    lines = "".join(write_list(rows, format_)).splitlines(keepends=True)
    assert len(list(ListReader(["".join(lines).encode()]))) == (6 if format_ is Format.TEXT else 3)
    for kept in range(3, len(lines)):
        with pytest.raises(IncompleteListError):
            list(ListReader(["".join(lines[:kept]).encode()]))
