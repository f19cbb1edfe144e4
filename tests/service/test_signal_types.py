"""The registry: every type is written and read back, and a type added in one module is known
everywhere."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.contract.changes import Additions, Changes
from service.domain.errors import BadSignalError
from service.domain.signals import (
    MAX_FRAMES,
    Signal,
    Signals,
    SignalType,
    Weight,
    parse_signals,
    registered,
    signal_type,
    signal_types,
    types_by_name,
)
from service.domain.signals.kinds import octets
from service.domain.values import ImportRow, RejectedLine
from service.http.shapes.schemas import signals_schema
from service.lists.formats import Format, ListReader, write_list
from service.policy.matching import Coverage, Label, NotMatched, Verdict, decide, plan
from service.replica.columns import IndexName, index_ids
from service.replica.indexes import Indexes
from service.replica.matcher import Matcher, Query
from service.replica.replica import Replica
from service.store import Action, Bank, ImportTarget, NewEntry, Policy, open_store

SERVICE = Path(__file__).parents[2] / "service"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOY = SignalType(
    name="toy",
    sentence="Nine bytes.",
    example="010203040506070809",
    weight=Weight.DIGEST,
    aliases=("plaything",),
    **octets(9),
)
EVERY = (*signal_types(), TOY)


@pytest.fixture
def toy() -> Iterator[SignalType]:
    with registered(TOY) as known:
        yield known


def values_of(known: SignalType) -> st.SearchStrategy[bytes]:
    if known.width is None:
        return st.sampled_from([b"https://example.org/a?b=c", "https://ü.example/ö".encode()])
    return st.binary(min_size=known.width, max_size=known.width)


def signals_of(known: SignalType) -> st.SearchStrategy[Signal]:
    grade = known.grade
    quality: st.SearchStrategy[float | int | None] = st.none()
    if grade is not None:
        quality |= st.integers(0, grade.most) if grade.whole else st.floats(0, grade.most)
    return st.builds(
        Signal,
        type=st.just(known.name),
        value=values_of(known),
        space=st.sampled_from(["s-1", "t-2"]) if known.spaced else st.just(""),
        quality=quality,
        ms=st.none() | st.integers(0, 2**53 - 1),
        role=st.just(known.roles[0]) if known.roles else st.none(),
    )


ITEMS = st.builds(
    Signals.many,
    st.lists(st.one_of([signals_of(known) for known in signal_types()]), max_size=12),
    st.none() | st.floats(0, 1),
)


@pytest.mark.parametrize("known", EVERY, ids=lambda known: known.name)
def test_every_type_reads_what_it_writes(known: SignalType) -> None:
    """Hex of either case and base64; the example is one; a wrong length is refused, unrepeated."""
    value = known.read("x", known.example)
    assert known.read("x", known.write(value)) == value
    assert re.search(known.schema["pattern"], known.example)
    assert known.key_width in (known.width, 16)
    if known.width is not None:
        based = base64.b64encode(value).decode()
        for text in (value.hex(), value.hex().upper(), based):
            assert known.read("x", text) == value
            assert re.search(known.schema["pattern"], text)
        for bad in (value.hex()[:-1], value.hex()[:-1] + " ", "é" * 2 * len(value), "", 7, None):
            with pytest.raises(BadSignalError, match="x must be") as caught:
                known.read("x", bad)
            assert value.hex()[:-1] not in str(caught.value)


@pytest.mark.parametrize("width", [1, 2, 3, 16, 20, 32, 144])
def test_base64_with_stray_bits_is_refused(width: int) -> None:
    """One value has one base64, as the schema says, so that two texts never mean one digest."""
    known = octets(width)
    text = base64.b64encode(bytes(width)).decode()
    assert re.search(known["schema"]["pattern"], text)
    if text.endswith("="):
        stray = text.rstrip("=")[:-1] + "B" + "=" * text.count("=")
        assert not re.search(known["schema"]["pattern"], stray)
        with pytest.raises(BadSignalError):
            known["read"]("x", stray)


@given(signals=ITEMS)
def test_many_of_one_type_read_back_as_written(signals: Signals) -> None:
    """With their qualities and times; in JSON, JSON Lines and CSV."""
    assert parse_signals(signals.to_json()) == signals
    if signals:
        for format_ in (Format.CSV, Format.JSONL):
            text = "".join(write_list([ImportRow(0, signals, "1")], format_))
            (row,) = ListReader([text.encode()])
            assert isinstance(row, ImportRow), row
            assert row.signals == signals


def test_the_first_of_a_type_stands_for_the_item_and_the_others_are_frames() -> None:
    """So a program that knows no frames reads what it always did."""
    pdq = "5f" * 32
    frames = [{"ms": 0, "pdq": pdq, "quality": 97}, {"ms": 1000, "pdq": "0f" * 32}]
    signals = parse_signals({"pdq": pdq, "pdq_quality": 90, "frames": frames})
    assert signals.pdq == bytes.fromhex(pdq)
    assert signals.pdq_quality == 90
    assert [one.ms for one in signals.frames] == [0, 1000]
    assert signals.at("pdq", "", 1) == Signal("pdq", bytes.fromhex(pdq), "", 97, 0)
    assert signals.at("pdq", "", 3) is None
    assert signals.to_json() == {"pdq": pdq, "pdq_quality": 90, "frames": frames}


@pytest.mark.parametrize("format_", [Format.CSV, Format.JSONL])
@pytest.mark.parametrize("field", ["pdq", "photodna"])
def test_as_many_frames_as_there_may_be_fit_into_a_line(format_: Format, field: str) -> None:
    """What is exported can be imported."""
    known = signal_type(field)
    assert known.width is not None
    frames = [
        Signal(field, n.to_bytes(known.width, "big"), "", 100 if known.grade else None, 2**52 + n)
        for n in range(MAX_FRAMES)
    ]
    signals = Signals.many([Signal("md5", b"m" * 16), *frames])
    (row,) = ListReader(["".join(write_list([ImportRow(0, signals, "1")], format_)).encode()])
    assert isinstance(row, ImportRow), row
    assert row.signals == signals


@pytest.mark.parametrize(
    ("frames", "named"),
    [
        ({}, "frames"),
        ([7], "frames.0"),
        ([{"ms": 0}], "frames.0"),
        ([{"pdq": "5f" * 32}, {"pdq": "5f"}], "frames.1.pdq"),
        ([{"pdq": "5f" * 32, "md5": "5f" * 16}], "frames.0"),
        ([{"md5": "5f" * 16, "quality": 1}], "frames.0.quality"),
        ([{"pdq": "5f" * 32, "quality": 101}], "frames.0.quality"),
        ([{"pdq": "5f" * 32, "ms": -1}], "frames.0.ms"),
        ([{"pdq": "5f" * 32, "ms": True}], "frames.0.ms"),
        ([{"pdq": "5f" * 32, "ms": 1.5}], "frames.0.ms"),
        ([{"codes": {}}], "frames.0.codes"),
        ([{"codes": {"s": "5f"}}], "frames.0.codes.s"),
        ([{"pdq": "5f" * 32}] * (MAX_FRAMES + 1), "frames"),
    ],
)
def test_a_bad_frame_is_named(frames: object, named: str) -> None:
    """By its place and key, and no hash stands in the message."""
    with pytest.raises(BadSignalError, match=re.escape(named)) as caught:
        parse_signals({"frames": frames})
    assert "5f5f" not in str(caught.value)


def test_a_new_type_is_read_and_written_by_every_list_format(toy: SignalType) -> None:
    """By its name and its other names; and no longer once it is gone."""
    rows = [ImportRow(0, Signals.of(toy=b"123456789"), "1")]
    for format_ in Format:
        text = "".join(write_list(rows, format_))
        (row,) = ListReader([text.encode()])
        assert isinstance(row, ImportRow), row
        assert row.signals == rows[0].signals
    for text in (
        "plaything\n313233343536373839\n",
        "Plaything 313233343536373839\n",
        '{"TOY":"313233343536373839"}\n',
    ):
        (row,) = ListReader([text.encode()])
        assert isinstance(row, ImportRow), row
        assert row.signals == rows[0].signals
    assert toy.name in signals_schema()["properties"]


def test_a_type_that_is_gone_is_a_named_rejection() -> None:
    """Not a line that says less than it does."""
    rows = [*ListReader([b"md5 " + b"5f" * 16 + b"\ntoy 313233343536373839\n"])]
    assert isinstance(rows[1], RejectedLine)
    assert "'toy' is none of" in rows[1].reason
    assert "toy" not in types_by_name()
    assert "toy" not in signals_schema()["properties"]
    with pytest.raises(BadSignalError, match="unknown signal 'toy'"):
        parse_signals({"toy": "313233343536373839"})


def fed(signal: str, value: bytes) -> Indexes:
    """Indexes of which one holds one entry, 7, of group 1."""
    indexes = Indexes()
    indexes.open([])
    for name, index in indexes.all.items():
        ids = index_ids(np.array([7], np.int64))
        row = np.frombuffer(value, np.uint8).reshape(1, -1)
        add = Additions(ids, row, np.array([1], np.int32)) if name.signal == signal else Additions()
        index.apply(Changes(remove=ids, add=add), 1, "m")
    return indexes


def bank(action: Action = Action.REVIEW, number: int = 1) -> Bank:
    return Bank(number, f"b{number}", Policy(action), NOW, NOW)


def test_a_new_type_has_an_index_and_a_verdict(toy: SignalType) -> None:
    """What it holds is found, shown, and weighed as the type says."""
    indexes = fed("toy", b"123456789")
    assert "toy" in {one.name.signal for one in indexes.stats()}
    made = plan(Signals.of(toy=b"123456789"), Label.UNCERTAIN, [bank()], {})
    found = indexes.search(made.search).found
    assert [(hit.id, hit.signal, hit.distance) for hit in found] == [(7, "toy", 0)]
    assert decide(found, {1: bank()}).verdict is Verdict.BLOCK
    assert made.coverage is Coverage.DIGESTS_ONLY
    other = plan(Signals.of(toy=b"123456788"), Label.UNCERTAIN, [bank()], {})
    assert not indexes.search(other.search).found
    indexes.close()
    assert toy is signal_type("toy")


@pytest.mark.parametrize("name", ["toy", "video_md5", "video_sha256", "photodna"])
def test_a_type_goes_the_whole_way(name: str, toy: SignalType, tmp_path: Path) -> None:
    """From a line of a list into the store, to a match and a status, and out into a list again;
    and a replica that starts again finds it too."""
    known = signal_type(name)
    list_ = f"id,{known.field}\n7,{known.example}\n".encode()
    store = open_store(tmp_path)
    store.banks.create("A", Policy(Action.BLOCK))
    diff = store.apply_import(ImportTarget("A", "p", "l", "1"), ListReader([list_]).present())
    assert (diff.added, diff.rejected_count) == (1, 0)
    for _ in range(2):
        engine = Replica(store, 1.0)
        engine.sync()
        matcher = Matcher(engine, store, None)
        query = Query(parse_signals({known.field: known.example}))
        answer = matcher.match(query)
        assert answer.decision.verdict is Verdict.BLOCK
        assert [row.found.signal for row in answer.decision.rows] == [name]
        (entry,) = answer.entries.values()
        assert entry.provider_id == "7"
        assert entry.signals == query.signals
        assert {s.name.signal: s.stats.entries for s in engine.stats()}[name] == 1
        assert answer.coverage is Coverage.DIGESTS_ONLY
        matcher.close()
        engine.stop()
    page = store.entries.page("A", 0, 10)
    for format_ in Format:
        (row,) = ListReader(["".join(write_list(page.entries, format_)).encode()])
        assert isinstance(row, ImportRow), row
        assert row.signals == query.signals
    store.close()
    assert toy.name in types_by_name()


def test_every_frame_of_a_listed_video_is_found_and_named(tmp_path: Path) -> None:
    """By its place and its time; frames of too low a quality are kept and not matched."""
    store = open_store(tmp_path)
    store.banks.create("A")
    frames = [
        {"ms": 1000 * n, "pdq": bytes([n] * 32).hex(), "quality": 10 if n == 3 else 90}
        for n in range(6)
    ]
    listed = parse_signals({"video_md5": "5f" * 16, "frames": frames})
    added = store.entries.add("A", NewEntry(listed))
    assert store.entries.get("A", added.entry_id).signals == listed
    engine = Replica(store, 1.0)
    engine.sync()
    matcher = Matcher(engine, store, None)
    for n in range(6):
        answer = matcher.match(Query(Signals.of(pdq=bytes([n] * 32))))
        rows = answer.decision.rows
        # The nearest frame of the entry, within the radius or not at all.
        if n == 3:
            assert all(row.found.distance > 0 for row in rows)
            continue
        assert rows[0].found.distance == 0
        one = listed.at("pdq", "", rows[0].found.ordinal)
        assert one is not None
        assert one.ms == 1000 * n
    with pytest.raises(BadSignalError, match="one picture at a time"):
        matcher.match(Query(listed))
    store.entries.delete("A", added.entry_id)
    engine.sync()
    assert not matcher.match(Query(Signals.of(pdq=bytes([5] * 32)))).decision.rows
    matcher.close()
    engine.stop()
    store.close()


@pytest.mark.parametrize(("asked", "listed"), [("md5", "video_md5"), ("video_md5", "md5")])
def test_one_digest_of_a_file_finds_it_whatever_it_is_called(asked: str, listed: str) -> None:
    """Who asks need not know whether a list calls the file a video; a miss would be silent."""
    indexes = fed(listed, b"m" * 16)
    made = plan(Signals((Signal(asked, b"m" * 16),)), Label.UNCERTAIN, [bank()], {})
    found = indexes.search(made.search).found
    assert [(hit.id, hit.signal) for hit in found] == [(7, listed)]
    assert decide(found, {1: bank()}).verdict is Verdict.BLOCK
    assert made.coverage is Coverage.DIGESTS_ONLY
    indexes.close()


def test_photodna_does_what_the_bank_says_and_never_blocks_a_blank() -> None:
    """It is a hash of a picture: one of a blank image is that of every blank image."""
    indexes = fed("photodna", b"p" * 144)
    given_ = Signals.of(photodna=b"p" * 144)
    made = plan(given_, Label.UNCERTAIN, [bank()], {})
    found = indexes.search(made.search).found
    assert decide(found, {1: bank(Action.BLOCK)}).verdict is Verdict.BLOCK
    assert decide(found, {1: bank(Action.REVIEW)}).verdict is Verdict.REVIEW
    assert made.coverage is Coverage.DIGESTS_ONLY
    blank = Signals.of(photodna=b"p" * 144, quality=0.0)
    poor = plan(blank, Label.UNCERTAIN, [bank()], {})
    assert not indexes.search(poor.search).found
    assert poor.coverage is Coverage.NONE
    assert NotMatched("photodna", "", "low_quality") in poor.not_matched
    assert indexes.hashed()["photodna"] == {1}
    indexes.close()


def test_a_bank_that_holds_photodna_alone_is_never_fully_covered_without_it() -> None:
    """Nothing else can find what it lists."""
    picture = Signals.of(md5=b"m" * 16, pdq=b"p" * 32)
    hashed = {"photodna": frozenset({1})}
    made = plan(picture, Label.UNCERTAIN, [bank()], {}, {}, hashed)
    assert made.coverage is Coverage.DIGESTS_ONLY
    assert NotMatched("photodna", "", "not_given") in made.not_matched
    both = plan(picture, Label.UNCERTAIN, [bank()], {}, {}, {**hashed, "pdq": frozenset({1})})
    assert both.coverage is Coverage.FULL
    assert NotMatched("photodna", "", "not_given") in both.not_matched


def test_a_search_that_was_cut_short_says_so() -> None:
    """Many signals of one entry must not hide in silence that others match too."""
    found = decide([], {1: bank()}, cut=True)
    assert found.truncated
    indexes = Indexes()
    indexes.open([])
    ids = np.arange(102)
    index = indexes.all[IndexName("pdq")]
    codes = np.zeros((102, 32), np.uint8)
    index.apply(Changes(remove=ids, add=Additions(ids, codes, np.ones(102, np.int32))), 1, "m")
    made = plan(Signals.of(pdq=bytes(32)), Label.UNCERTAIN, [bank()], {})
    assert indexes.search(made.search).cut
    index.apply(Changes(remove=ids[50:], add=Additions()), 2, "n")
    assert not indexes.search(made.search).cut
    indexes.close()


def test_no_name_of_a_type_is_taken_twice() -> None:
    with pytest.raises(AssertionError), registered(TOY), registered(TOY):
        pass
    assert "toy" not in types_by_name()


def test_nobody_else_lists_the_types() -> None:
    """Digests are named by their types alone, so that a new one is missing nowhere.

    What is left names a column of the store, or one type that something else is about.
    """
    # A hotline's format is about the names that the hotline gives them.
    formats = (SERVICE / "lists" / "formats").glob("*.py")
    ours = {"names.py", "rows.py", "writer.py", "reader.py", "drafts.py", "line_lists.py"}
    allowed = {
        "store/entries/rows.py", "http/shapes/examples.py",
        "http/routes/match.py", "http/hma/signal_types.py",
        *(str(path.relative_to(SERVICE)) for path in formats if path.name not in ours),
    }  # fmt: skip
    listing = re.compile(r'"(md5|sha1|video_md5|video_sha256|photodna)"')
    found = {
        str(path.relative_to(SERVICE))
        for path in SERVICE.rglob("*.py")
        if "migrations" not in path.parts
        and not path.is_relative_to(SERVICE / "domain" / "signals")
        and listing.search(path.read_text(encoding="utf-8"))
    }
    assert found <= allowed


@pytest.mark.parametrize(
    "module",
    [
        "service.domain", "service.domain.signals", "service.domain.values",
        "service.domain.search", "service.policy.matching", "service.lists.formats",
    ],
)  # fmt: skip
def test_words_policy_and_formats_load_neither_database_nor_index(module: str) -> None:
    """Nor NumPy: whoever reads a list or a policy needs none of them."""
    heavy = "sqlalchemy", "faiss", "numpy", "numba", "fastapi", "torch"
    code = f"import sys, {module}; print(*({{*{heavy!r}}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
