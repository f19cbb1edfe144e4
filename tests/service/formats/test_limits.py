"""What is hostile, broken or packed: refused by name, in bounded memory, whatever the format."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.values import ImportRow, RejectedLine, Withdrawn
from service.lists.formats import (
    IncompleteListError,
    ListReader,
    PackingLimits,
    ReadOptions,
    UnreadableListError,
)
from service.lists.formats.json_limits import MAX_DEPTH, JsonLimits
from tests.service.formats import hotlines as made

MIB = 1 << 20

WHOLE = {
    "vic": made.vic([made.media(n) for n in range(12)]),
    "case": made.vic_case([made.media(n) for n in range(12)]),
    "ncmec": made.ncmec(made.ncmec_entry(1), made.ncmec_deleted(2), videos=[made.ncmec_entry(3)]),
    "stopncii": made.stopncii(made.stopncii_record(1), made.stopncii_record(2, "Deleted")),
    "threatexchange": made.updates(made.update(1), made.update(2, should_delete=True)),
    "tech-against-terrorism": json.dumps([made.terrorism(1), made.terrorism(2, True)]).encode(),
    "csv": f'id,md5,labels\n1,{made.hexed("md5", 1)},A\n2,{made.hexed("md5", 2)},"B\nC"\n'.encode(),
    "jsonl": b'{"md5": "%s"}\n' % made.hexed("md5", 1).encode(),
    "text": f"pdq {made.pdq(1)}\n".encode(),
}


def _read(data: bytes, size: int = 1 << 16) -> list[object]:
    return list(ListReader(data[start : start + size] for start in range(0, len(data), size)))


def _zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


# Packed lists


@pytest.mark.parametrize("name", WHOLE)
def test_a_packed_list_is_the_same_list(name: str) -> None:
    plain = _read(WHOLE[name])
    halves = gzip.compress(WHOLE[name][:50]) + gzip.compress(WHOLE[name][50:])
    for packed in (gzip.compress(WHOLE[name]), halves, _zipped(list__json=WHOLE[name])):
        assert _read(packed) == plain
        assert _read(packed, 100) == plain


def test_a_set_in_several_files_is_one_list() -> None:
    one, two = made.vic([made.media(1), "bad"]), made.vic([made.media(2, MD5="zz")])
    reader = ListReader([_zipped(a__json=one, b__json=two, readme__pdf=b"%PDF", x__jpg=b"")])
    rows = list(reader)
    assert [type(row) for row in rows] == [ImportRow, RejectedLine, RejectedLine]
    assert [row.line for row in rows] == [1, 2, 3]
    last = rows[2]
    assert isinstance(last, RejectedLine)
    assert last.reason.endswith("(line 1 of b.json)")
    assert reader.passed_over == {"file .jpg in the archive": 1, "file .pdf in the archive": 1}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(gzip.compress(b"md5\n")), "archive within an archive"),
        (_zipped(a__json=_zipped(b__json=b"{}")), "archive within an archive"),
        (_zipped(a__pdf=b"%PDF"), "holds no list"),
        (_zipped(), "holds no list"),
        (_zipped(**{"../a__csv": b"md5\n"}), "leads outside it"),
        (_zipped(**{"/a__csv": b"md5\n"}), "leads outside it"),
        (_zipped(a__csv=b"md5\n")[:-30], "damaged, or was cut off"),
        (b"\x1f\x8b" + b"x" * 100, "gzip file is damaged"),
    ],
    ids=range(8),
)
def test_archives_that_are_none_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableListError, match=words):
        _read(data)


def test_a_gzip_file_that_was_cut_off_is_no_list() -> None:
    packed = gzip.compress(WHOLE["csv"])
    for end in (len(packed) - 1, len(packed) - 8, len(packed) // 2):
        with pytest.raises((IncompleteListError, UnreadableListError)):
            _read(packed[:end])


def test_a_byte_that_was_altered_in_an_archive_is_noticed() -> None:
    data = bytearray(_zipped(a__csv=WHOLE["csv"]))
    data[60] ^= 1
    with pytest.raises(UnreadableListError, match="damaged"):
        _read(bytes(data))


def _bomb(megabytes: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    yield packer.compress(b"md5\n")
    for block in repeat(b"a" * MIB, megabytes):
        yield packer.compress(block)
    yield packer.flush()


def test_a_gzip_bomb_is_refused_in_bounded_memory() -> None:
    def read() -> None:
        list(ListReader(_bomb(200)))

    _refused(read, "more than 100 times its size", 8)


def test_a_zip_bomb_is_refused_in_bounded_memory() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w") as file,
    ):
        file.write(b"md5\n")
        for block in repeat(b"a" * MIB, 100):
            file.write(block)
    _refused(lambda: _read(out.getvalue()), "more than 100 times its size", 8)


def test_what_an_archive_may_unpack_to_is_bounded() -> None:
    options = ReadOptions(packing=PackingLimits(max_bytes=10))
    with pytest.raises(UnreadableListError, match="more than 10 bytes"):
        list(ListReader([gzip.compress(WHOLE["csv"])], None, options))


# Documents without end


def _refused(read: Callable[[], object], words: str, mebibytes: int) -> None:
    """It is refused so, and no more than so much was held meanwhile."""
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableListError, match=words):
            read()
        assert tracemalloc.get_traced_memory()[1] < mebibytes * MIB
    finally:
        tracemalloc.stop()


def _endless(start: bytes, block: bytes) -> Callable[[], object]:
    return lambda: list(ListReader(_then(start, block)))


def _then(start: bytes, block: bytes) -> Iterator[bytes]:
    yield start
    yield from repeat(block, 1600)  # 100 MB


_VIC = b'{"@odata.context": "DataModels/2.0.xml/US/$metadata#Media", "value": ['
_NCMEC = f'<queryResult xmlns="{made.NAMESPACE}"><images><image>'.encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "block", "words"),
    [
        (_VIC + b'{"MD5": "', b"a" * 65536, "a text longer than"),
        (_VIC + b'{"MD5": ', b"[" * 65536, f"nested more than {MAX_DEPTH}"),
        (_VIC + b'{"MD5": ', b"1" * 65536, "number of hundreds of digits"),
        (_VIC + b'{"MD5": "0"', b',"a":[1]' * 8192, "an entry longer than"),
        (b'{"hashRecords": [{"a": "', b"a" * 65536, "a text longer than"),
        (b'[{"hash_digest": "", "algorithm": [', b"[" * 65536, "nested more than"),
        (_NCMEC + b"<a>" * 30, b"<a>" * 21845, "nested more than"),
        (_NCMEC + b"<a ", b"a" * 65536, "a tag longer than"),
        (_NCMEC + b"<!--", b"a" * 65536, "a tag longer than"),
        (_NCMEC, b"<a/>" * 16384, "entry of more than"),
        (_NCMEC + b"<id>", b"a" * 65536, "entry of more than"),
    ],
    ids=range(11),
)
def test_a_document_without_end_is_refused_in_bounded_memory(
    start: bytes, block: bytes, words: str
) -> None:
    _refused(_endless(start, block), words, 48)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start"), [("csv", b"md5\n"), ("jsonl", b'{"md5": "'), ("text", b"pdq ")]
)
def test_a_line_of_100_megabytes_costs_itself_in_bounded_memory(name: str, start: bytes) -> None:
    good = b"\n" + WHOLE[name]

    def chunks() -> Iterator[bytes]:
        yield start
        yield from repeat(b"a" * 65536, 1600)
        yield good

    tracemalloc.start()
    rows = list(
        ListReader(
            chunks(), "text" if start == b"pdq " else None if start != b'{"md5": "' else "jsonl"
        )
    )
    assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    tracemalloc.stop()
    assert any(isinstance(row, RejectedLine) and "longer than" in row.reason for row in rows)


_PIECES = ['"', "\\", '\\"', "[", "]", "{", "}", ",", ":", "a", "1", "é", '"a"', "\\u00e9", " "]


@given(st.lists(st.sampled_from(_PIECES), max_size=60), st.integers(1, 9))
def test_the_limits_see_the_depth_that_a_parser_sees(pieces: list[str], size: int) -> None:
    """Whatever stands in strings, however it is escaped, and wherever the chunks end."""
    data = "".join(pieces).encode()
    limits = JsonLimits(1)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(limits.guarded(chunks)) == data
    depth, in_string, escaped = 0, False, False
    for byte in data.decode():
        if escaped:
            escaped = False
        elif byte == "\\":
            escaped = True
        elif byte == '"':
            in_string = not in_string
        elif not in_string:
            depth += (byte in "[{") - (byte in "]}")
    assert (limits.depth, limits.in_string) == (depth, in_string)


# Whatever comes


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(WHOLE[draw(st.sampled_from(sorted(WHOLE)))])
    if draw(st.booleans()):
        data = bytearray(
            draw(st.sampled_from([gzip.compress(data, mtime=0), _zipped(a__json=bytes(data))]))
        )
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(st.sampled_from(["flip", "cut", "double", "insert", "drop"]))
        if how == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[place:]
        elif how == "double":
            data[place:place] = data[place : place + draw(st.integers(1, 200))]
        elif how == "insert":
            data[place:place] = draw(st.sampled_from(_TOKENS) | st.binary(max_size=8))
        else:
            del data[place : place + draw(st.integers(1, 100))]
    return bytes(data)


_TOKENS = [
    b'"', b"{", b"}", b"[", b"]", b"null", b"1e999", b"-0", b"NaN", b"\\ud800", b"\xff", b"\0",
    b"<", b">", b"</image>", b"<image>", b"<!DOCTYPE a>", b"&amp;", b"&x;", b"]]>", b"<![CDATA[",
    b"\xff\xfe", b"\xef\xbb\xbf", b",", b"\n", b'"Media":', b"true", b"# entries: 9\n",
]  # fmt: skip


@given(data=_mutated(), size=st.sampled_from([1, 100, 1 << 16]))
def test_whatever_was_altered_each_record_is_a_row_or_a_reason_or_the_list_is_refused(
    data: bytes, size: int
) -> None:
    try:
        rows = _read(data, size)
    except (UnreadableListError, IncompleteListError) as error:
        _repeats_no_hash(str(error))
        return
    for row in rows:
        if isinstance(row, RejectedLine):
            assert row.reason
            assert row.reason.isprintable()
            _repeats_no_hash(row.reason)
        elif isinstance(row, ImportRow):
            assert row.signals
        else:
            assert isinstance(row, Withdrawn)
            assert row.provider_id


def _repeats_no_hash(text: str) -> None:
    for number in range(13):
        for known in (made.hexed("md5", number), made.hexed("sha1", number), made.pdq(number)):
            assert known[:16] not in text.lower()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_cannot_be_unpacked_within_bounds_is_refused(method: int) -> None:
    """240 bytes of bzip2 are 250 MB before anybody can count them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("list.csv", "sha256\n" + "0" * 100_000)
    with pytest.raises(UnreadableListError, match="method that is not read"):
        list(ListReader([file.getvalue()]))


@pytest.mark.parametrize("encoding", ["cp932", "foo", "utf-7"])
def test_xml_in_an_odd_encoding_is_refused(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><queryResult></queryResult>'
    with pytest.raises(UnreadableListError):
        list(ListReader([text.encode()], "ncmec"))
