"""The lists that hotlines and exchanges ship, read as they ship them."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from service.domain.values import ImportRow, RejectedLine, Withdrawn
from service.lists.formats import (
    IncompleteListError,
    ListReader,
    ReadOptions,
    UnreadableListError,
    parse_map,
)
from tests.service.formats import hotlines as made


def _reader(data: bytes, map_text: str = "", size: int = 1 << 16) -> ListReader:
    options = ReadOptions(columns=parse_map(map_text.encode()) if map_text else None)
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return ListReader(chunks, None, options)


def _rows(data: bytes, map_text: str = "") -> list[ImportRow]:
    rows = list(_reader(data, map_text))
    assert all(isinstance(row, ImportRow) for row in rows), rows
    return [row for row in rows if isinstance(row, ImportRow)]


def _reasons(data: bytes) -> list[tuple[int, str, str]]:
    return [
        (row.line, row.field, row.reason) for row in _reader(data) if isinstance(row, RejectedLine)
    ]


# Project VIC and CAID


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_project_vic_media_are_read_whatever_the_chunks(mark: bytes, size: int) -> None:
    reader = _reader(mark + made.vic([made.media(1), made.media(2, Category="2")]), size=size)
    rows = list(reader)
    assert reader.format == "vic"
    assert [row.labels for row in rows if isinstance(row, ImportRow)] == [("US-1",), ("US-2",)]
    first = rows[0]
    assert isinstance(first, ImportRow)
    assert first.signals.md5 == made.digest("md5", 1)
    assert first.signals.sha1 == made.digest("sha1", 1)
    assert first.provider_id is None


def test_older_models_and_case_files_are_read_alike() -> None:
    (old,) = _rows(made.vic([made.media(1)], made.OLD_MEDIA))
    (case,) = _rows(made.vic_case([made.media(1)]))
    assert (old.labels, case.labels) == (("category-1",), ("US-1",))
    assert old.signals == case.signals


def test_media_that_are_no_references_are_counted_and_not_listed() -> None:
    """Case files hold whatever lay on a disk: listed, it would block ordinary pictures."""
    reader = _reader(
        made.vic_case([made.media(1, Category=0), made.media(2, Category=None), made.media(3)])
    )
    assert len(list(reader)) == 1
    assert reader.passed_over == {"media not pertinent": 1, "media without a category": 1}


def test_alternative_hashes_count_and_unknown_ones_are_named() -> None:
    other = {"HashName": "SHA-256", "HashValue": made.base64d(made.digest("sha256", 1))}
    strange = {"HashName": "F1", "HashValue": "0001"}
    reader = _reader(made.vic([made.media(1, AlternativeHashes=[other, strange])]))
    (row,) = reader
    assert isinstance(row, ImportRow)
    assert row.signals.sha256 == made.digest("sha256", 1)
    assert reader.passed_over == {"f1 fingerprint": 1}


def test_bad_media_cost_only_themselves_and_say_which_field_is_wrong() -> None:
    bad = [
        "text",
        made.media(1, MD5="zz"),
        made.media(2, AlternativeHashes={}),
        made.media(3, AlternativeHashes=[{"HashValue": "00"}]),
        made.media(4, MD5="", SHA1=None),
        made.media(5, Category=[1]),
    ]
    found = _reasons(made.vic([*bad, made.media(6)]))
    assert [(line, field) for line, field, _ in found] == [
        (1, ""),
        (2, "MD5"),
        (3, "AlternativeHashes"),
        (4, "AlternativeHashes"),
        (5, ""),
        (6, "Category"),
    ]
    assert found[1][2] == "MD5 must be 32 hex digits, not 2 characters like this"


def test_a_map_gives_categories_their_names_and_media_their_ids() -> None:
    table = """
    format = "vic"
    [columns]
    provider_id = "MediaID"
    labels = ["Category", "Series"]
    [tables.Category]
    "1" = "A"
    "2" = false
    """
    reader = _reader(made.vic([made.media(1, Series="S"), made.media(2, Category=2)]), table)
    (row,) = reader
    assert isinstance(row, ImportRow)
    assert (row.provider_id, row.labels) == ("1", ("A", "S"))
    assert reader.passed_over == {"entry of a category that is not listed": 1}


# NCMEC


def test_ncmec_entries_and_tombstones_are_read() -> None:
    data = made.ncmec(
        made.ncmec_entry(1),
        made.ncmec_deleted(2),
        videos=[made.ncmec_entry(3, "video", f"<md5>{made.hexed('md5', 3)}</md5>"),
                made.ncmec_deleted(4, "Video")],
    )  # fmt: skip
    for size in (1, 1 << 16):
        rows = list(_reader(data, size=size))
        first, second, third, fourth = rows
        assert isinstance(first, ImportRow)
        assert (first.provider_id, first.labels) == ("42/image1", ("A1",))
        assert first.signals.pdq == bytes.fromhex(made.pdq(1))
        assert second == Withdrawn(2, "42/image2")
        assert isinstance(third, ImportRow)
        assert third.signals.md5 == made.digest("md5", 3)
        assert fourth == Withdrawn(4, "42/video4")


def test_fingerprints_of_unknown_kinds_or_kept_elsewhere_are_named() -> None:
    prints = (
        f"<md5>{made.hexed('md5', 1)}</md5><netclean>x</netclean>"
        '<tmk-pdqf rel="self" href="/v2/entries/1/fingerprints/TMK_PDQF"/>'
    )
    only = '<videntifier rel="self" href="/v2/entries/2"/>'
    reader = _reader(
        made.ncmec(made.ncmec_entry(1, prints=prints), made.ncmec_entry(2, prints=only))
    )
    assert len(list(reader)) == 1
    assert reader.passed_over == {
        "entry with none but unknown fingerprints": 1,
        "netclean fingerprint": 1,
        "tmk-pdqf fingerprint": 1,
        "videntifier fingerprint": 1,
    }


def test_bad_ncmec_entries_cost_only_themselves() -> None:
    data = made.ncmec(
        made.ncmec_entry(1, prints="<md5>zz</md5>"),
        made.ncmec_entry(2).replace("<id>image2</id>", ""),
        made.ncmec_entry(3, prints=""),
        made.ncmec_entry(4),
    )
    assert _reasons(data) == [
        (1, "md5", "md5 must be 32 hex digits, not 2 characters like this"),
        (2, "id", "an entry needs its id and its member's"),
        (3, "", "no signal to match"),
    ]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ('<!DOCTYPE q [<!ENTITY a "aaaa">]>', "document type"),
        ('<!DOCTYPE q SYSTEM "file:///etc/passwd">', "document type"),
    ],
)
def test_a_document_type_is_refused(start: str, words: str) -> None:
    data = made.ncmec(made.ncmec_entry(1)).replace(
        b"<queryResult", start.encode() + b"<queryResult"
    )
    with pytest.raises(UnreadableListError, match=words):
        list(_reader(data))


def test_another_document_of_the_same_service_is_refused() -> None:
    data = f'<status xmlns="{made.NAMESPACE}"><username>x</username></status>'.encode()
    with pytest.raises(UnreadableListError, match="outermost element is not queryResult"):
        list(_reader(data))


# StopNCII, Tech Against Terrorism, ThreatExchange


def test_stopncii_pages_one_after_the_other() -> None:
    first = made.stopncii(made.stopncii_record(1), more=True)
    second = made.stopncii(
        made.stopncii_record(2, "Withdrawn"), made.stopncii_record(3, kind="VideoTMK")
    )
    reader = _reader(first + b"\n" + second)
    rows = list(reader)
    assert [type(row) for row in rows] == [ImportRow, Withdrawn]
    assert isinstance(rows[0], ImportRow)
    assert rows[0].signals.pdq == bytes.fromhex(made.pdq(1))
    assert rows[0].provider_id is not None
    assert made.pdq(1)[:8] not in rows[0].provider_id
    assert reader.passed_over["videotmk fingerprint"] == 1


def test_a_record_has_the_same_id_while_it_is_listed_and_when_it_is_withdrawn() -> None:
    (listed,) = _rows(made.stopncii(made.stopncii_record(1)))
    (gone,) = _reader(made.stopncii(made.stopncii_record(1, "Deleted")))
    assert gone == Withdrawn(1, listed.provider_id or "")


def test_a_page_that_is_not_the_last_is_no_whole_list() -> None:
    for data in (
        made.stopncii(made.stopncii_record(1), more=True),
        made.updates(made.update(1), following=True),
        made.ncmec(made.ncmec_entry(1), following=True),
        json.dumps({"results": [made.terrorism(1)], "next": "https://a.example/2"}).encode(),
    ):
        with pytest.raises(IncompleteListError, match="not the whole list"):
            list(_reader(data))


def test_pages_in_several_files_are_a_whole_list_once_the_last_is_there() -> None:
    first = made.ncmec(made.ncmec_entry(1), following=True)
    last = made.ncmec(made.ncmec_entry(2))

    def zipped(*pages: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for number, page in enumerate(pages):
                archive.writestr(f"{number}.xml", page)
        return out.getvalue()

    assert len(_rows(zipped(first, last))) == len(_rows(zipped(last, first))) == 2
    with pytest.raises(IncompleteListError, match="not the whole list"):
        list(_reader(zipped(first, first)))


def test_a_page_that_holds_less_than_it_states_is_refused() -> None:
    data = made.stopncii(made.stopncii_record(1)).replace(b'"count": 1', b'"count": 2')
    with pytest.raises(IncompleteListError, match="state 2 records and hold 1"):
        list(_reader(data))


@pytest.mark.parametrize("paged", [False, True])
def test_tech_against_terrorism_as_an_array_and_as_a_page(paged: bool) -> None:
    items = [
        made.terrorism(1),
        made.terrorism(2, deleted=True),
        made.terrorism(3, algorithm="PDQ", hash_digest=made.pdq(3)),
        made.terrorism(4, deleted="perhaps"),
    ]
    said: object = {"results": items, "checkpoint": 7, "next": None} if paged else items
    reader = _reader(json.dumps(said).encode())
    first, second, third, fourth = reader
    assert reader.format == "tech-against-terrorism"
    assert isinstance(first, ImportRow)
    assert (first.provider_id, first.labels) == ("1", ("A",))
    assert second == Withdrawn(2, "2")
    assert isinstance(third, ImportRow)
    assert third.signals.pdq == bytes.fromhex(made.pdq(3))
    assert isinstance(fourth, RejectedLine)
    assert fourth.field == "deleted"


def test_threatexchange_updates() -> None:
    data = made.updates(
        made.update(1),
        made.update(2, should_delete=True),
        made.update(3, type="HASH_MD5", indicator=made.hexed("md5", 3)),
        made.update(4, type="HASH_TMK"),
    )
    reader = _reader(data)
    first, second, third = reader
    assert isinstance(first, ImportRow)
    assert (first.provider_id, first.labels) == ("1", ("A", "B"))
    assert second == Withdrawn(2, "2")
    assert isinstance(third, ImportRow)
    assert third.signals.md5 == made.digest("md5", 3)
    assert reader.passed_over["tmk fingerprint"] == 1


WHOLE = {
    "vic": made.vic([made.media(n) for n in range(30)]),
    "ncmec": made.ncmec(*(made.ncmec_entry(n) for n in range(30))),
    "stopncii": made.stopncii(*(made.stopncii_record(n) for n in range(30))),
    "threatexchange": made.updates(*(made.update(n) for n in range(30))),
    "tech-against-terrorism": json.dumps([made.terrorism(n) for n in range(30)]).encode(),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_document_that_breaks_off_is_refused_whole(name: str) -> None:
    """However much of it was read: nothing of what came may be taken for the list."""
    data = WHOLE[name]
    assert len(_rows(data)) == 30
    for share in (0.3, 0.6, 0.9, 0.99):
        with pytest.raises(IncompleteListError, match=r"breaks off"):
            list(_reader(data[: int(len(data) * share)], size=512))


@pytest.mark.parametrize("name", WHOLE)
def test_each_format_says_its_name(name: str) -> None:
    assert _reader(WHOLE[name]).format == name
    assert ListReader([WHOLE[name]], name.upper()).format == name
