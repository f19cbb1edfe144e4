"""Signed lists: made, verified, pinned; and whatever somebody else could do to one is refused."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from service.domain.errors import (
    EmptyListError,
    EntryExistsError,
    InvalidValueError,
    ServiceError,
    StoreDamagedError,
)
from service.domain.signals import Signals
from service.lists.signed.errors import (
    BadSignatureError,
    BadSigningKeyError,
    ForkedListError,
    OlderListError,
    OtherSignerError,
    TamperedListError,
    UnknownSignerError,
    UnsignedListError,
)
from service.lists.signed.keys import SigningKey, public_key_of, public_text
from service.lists.signed.package import SignedList, signed_list
from service.lists.signed.publishing import publish
from service.store import ImportDiff, ImportRow, ImportTarget, Mode, Signing, Store
from service.store.core.models import PinRow

TARGET = ImportTarget("known", "p", "l", create_bank=True)


def rows(*numbers: int, shift: int = 0) -> list[ImportRow]:
    return [
        ImportRow(
            0, Signals.of(md5=bytes([number + shift]) * 16, codes={"s-1": bytes(32)}), str(number)
        )
        for number in numbers
    ]


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.create(tmp_path / "signing.pem")


@pytest.fixture
def make(tmp_path: Path, key: SigningKey) -> Callable[..., Path]:
    """Publishes rows; ``after`` is the file of the list before."""

    def made(
        name: str, entries: list[ImportRow], after: Path | None = None, by: SigningKey | None = None
    ) -> Path:
        out = tmp_path / name
        if after is None:
            publish(entries, by or key, out, "p", "l")
        else:
            with after.open("rb") as file:
                publish(entries, by or key, out, "p", "l", before=opened(file))
        return out

    return made


def opened(file: Any) -> SignedList:  # noqa: ANN401 (a file)
    found = signed_list(file)
    assert found is not None
    return found


def imported(
    store: Store, path: Path, vouched: bytes | None = None, repin: bool = False
) -> ImportDiff:
    with path.open("rb") as file:
        found = opened(file)
        signing = Signing(found.version, vouched, repin)
        return store.apply_import(TARGET, found.rows(), allow_shrink=True, signing=signing)


def unsigned(store: Store, repin: bool = False, vouched: bytes | None = None) -> ImportDiff:
    signing = Signing(None, vouched, repin)
    return store.apply_import(TARGET, rows(1, 2, 3), signing=signing)


def test_a_list_says_what_it_holds_and_what_changed(make: Callable[..., Path]) -> None:
    first = make("1.zip", rows(1, 2, 3))
    second = make("2.zip", [*rows(2, 3), *rows(1, shift=40), *rows(4)][1:], after=first)
    with first.open("rb") as one, second.open("rb") as other:
        old, new = opened(one), opened(other)
        held = [row.provider_id for row in new.rows() if isinstance(row, ImportRow)]
        assert held == ["3", "1", "4"]
        said = new.manifest
        assert (said.provider, said.list, said.entries) == ("p", "l", 3)
        assert said.code_spaces == ("s-1",)
        assert said.signals == {"code": 3, "md5": 3}
        assert said.delta == {"added": 1, "changed": 1, "removed": 1}
        assert said.number > old.manifest.number
        assert [one.manifest_sha256 for one in said.previous] == [old.digest.hex()]
        delta = [json.loads(line) for line in b"".join(new.part("delta.jsonl")).splitlines()]
    assert [one.get("remove") or one["set"]["provider_id"] for one in delta] == ["1", "4", "2"]
    assert second.stat().st_mode & 0o077 == 0


def test_a_list_is_imported_once_somebody_vouched_for_its_key(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    """From then on that key's next lists come in by themselves, and nothing else does."""
    first = make("1.zip", rows(1, 2, 3))
    second = make("2.zip", rows(1, 2, 3, 4), after=first)
    third = make("3.zip", rows(1, 2, 3, 4, 5), after=second)
    with pytest.raises(UnknownSignerError, match="ed25519:"):
        imported(store, first)
    assert imported(store, first, vouched=key.public).added == 3
    assert imported(store, third).added == 2  # one that was left out does no harm
    with pytest.raises(OlderListError):
        imported(store, second)
    with pytest.raises(OlderListError):
        imported(store, third, vouched=key.public)
    with pytest.raises(UnsignedListError):
        unsigned(store)
    assert len(store.versions("known")) == 2
    assert list(store.verify()) == []


def test_another_key_is_refused_until_somebody_means_it(
    store: Store, make: Callable[..., Path], key: SigningKey, tmp_path: Path
) -> None:
    other = SigningKey.create(tmp_path / "other.pem")
    imported(store, make("1.zip", rows(1)), vouched=key.public)
    theirs = make("2.zip", rows(1, 2), by=other)
    with pytest.raises(OtherSignerError):
        imported(store, theirs)
    with pytest.raises(OtherSignerError):
        imported(store, theirs, repin=True)  # without saying for whom
    with pytest.raises(OtherSignerError):
        imported(store, theirs, vouched=key.public, repin=True)
    with pytest.raises(OtherSignerError):
        imported(store, theirs, vouched=other.public)
    assert imported(store, theirs, vouched=other.public, repin=True).added == 1
    with pytest.raises(OtherSignerError):
        imported(store, make("3.zip", rows(3)))


def test_a_list_may_stop_being_signed_where_somebody_means_it(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    with pytest.raises(UnsignedListError):
        unsigned(store, vouched=key.public)
    imported(store, make("1.zip", rows(1, 2)), vouched=key.public)
    assert unsigned(store, repin=True).added == 1
    store.apply_import(TARGET, rows(1, 2, 3, 4))
    with pytest.raises(UnknownSignerError):
        imported(store, make("2.zip", rows(1)))


def test_two_courses_of_one_publisher_are_noticed(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    """A list that follows an older one than ours, or another of the same number."""
    first = make("1.zip", rows(1))
    second = make("2.zip", rows(1, 2), after=first)
    fork = make("fork.zip", rows(1, 3), after=first)
    after_fork = make("after.zip", rows(1, 3, 4), after=fork)
    imported(store, first, vouched=key.public)
    imported(store, second)
    for path in (fork, after_fork):
        with pytest.raises(ForkedListError):
            imported(store, path)
    assert store.versions("known")[0].entries == 2
    assert imported(store, make("anew.zip", rows(1, 2, 5))).added == 1  # it lost the file before


def test_a_roll_back_keeps_the_pin(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    """What was imported once cannot be replayed after it either."""
    first = make("1.zip", rows(1))
    second = make("2.zip", rows(1, 2), after=first)
    imported(store, first, vouched=key.public)
    name = store.versions("known")[0].version
    imported(store, second)
    store.roll_back(ImportTarget("known", "p", "l"), name, allow_shrink=True)
    for path in (first, second):
        with pytest.raises(OlderListError):
            imported(store, path)
    assert imported(store, make("3.zip", rows(1, 2), after=second)).updated == 1


def test_a_pin_that_is_not_what_was_written_lets_nothing_in(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    imported(store, make("1.zip", rows(1)), vouched=key.public)
    with store._database.write("test") as (connection, _):
        connection.execute(update(PinRow).values(number=1))
    with pytest.raises(StoreDamagedError):
        imported(store, make("2.zip", rows(1, 2)))
    assert any(flaw.what == "seals" for flaw in store.verify())


def test_a_list_that_changes_nothing_is_pinned_all_the_same(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    """As a sync applies it, which makes no version of a list that is as it was."""
    unsigned(store)
    told: list[str | None] = []
    with make("1.zip", rows(1, 2, 3)).open("rb") as file:
        found = opened(file)
        diff = store.apply_import(
            TARGET,
            found.rows(),
            signing=Signing(found.version, key.public),
            along=lambda _, version: told.append(version),
        )
    assert (diff.unchanged, len(told), len(store.versions("known"))) == (3, 1, 1)
    with pytest.raises(UnsignedListError):
        unsigned(store)


def test_a_signed_list_is_never_appended(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    """What its publisher took off would stay in force, under the publisher's name."""
    with make("1.zip", rows(1)).open("rb") as file:
        found = opened(file)
        target = replace(TARGET, mode=Mode.APPEND)
        with pytest.raises(InvalidValueError, match="whole"):
            store.apply_import(target, found.rows(), signing=Signing(found.version, key.public))


def test_a_dry_run_refuses_the_same_and_pins_nothing(
    store: Store, make: Callable[..., Path], key: SigningKey
) -> None:
    path = make("1.zip", rows(1))
    with path.open("rb") as file:
        found = opened(file)
        signing = Signing(found.version, key.public)
        store.apply_import(TARGET, found.rows(), dry_run=True, signing=signing)
    with path.open("rb") as file:
        found = opened(file)
        signing = Signing(found.version)
        with pytest.raises(UnknownSignerError):
            store.apply_import(TARGET, found.rows(), dry_run=True, signing=signing)
    assert unsigned(store).added == 3


# What somebody could do to the file.


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: dict[str, bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    out.seek(0)
    return out


def read_whole(file: io.BytesIO) -> list[object]:
    return list(opened(file).rows())


@pytest.mark.parametrize("part", ["entries.jsonl", "delta.jsonl"])
@pytest.mark.parametrize("how", ["more", "less", "other", "none", "long"])
def test_a_part_that_was_altered_is_refused(
    make: Callable[..., Path], store: Store, key: SigningKey, part: str, how: str
) -> None:
    """At its end at the latest; nothing of it is in force."""
    parts = parts_of(make("1.zip", rows(1, 2, 3)))
    raw = parts[part]
    parts[part] = {
        "more": raw + raw.splitlines(keepends=True)[0],
        "less": raw[: raw.rindex(b"\n", 0, -1) + 1],
        "other": raw.replace(b"01010101", b"02020202"),
        "none": b"",
        "long": raw + b" " * 100_000,
    }[how]

    def tried() -> None:
        found = opened(zipped(parts))
        store.apply_import(TARGET, found.rows(), signing=Signing(found.version, key.public))

    with pytest.raises(TamperedListError):
        tried()
    assert store.banks.all() == []


@pytest.mark.parametrize("part", ["manifest.json", "signature.json"])
def test_a_manifest_or_signature_that_was_altered_is_refused(
    make: Callable[..., Path], tmp_path: Path, part: str
) -> None:
    path = make("1.zip", rows(1))
    parts = parts_of(path)
    other = SigningKey.create(tmp_path / "other.pem")
    said = json.loads(parts["signature.json"])
    lies: list[dict[str, bytes]] = [
        {part: parts[part].replace(b"a", b"b")},
        {part: b"{}"},
        {part: b"[]"},
        {part: b""},
        {"signature.json": json.dumps({**said, "public_key": public_text(other.public)}).encode()},
        {"signature.json": json.dumps({**said, "signature": "A" * 88}).encode()},
        {"signature.json": json.dumps({**said, "signature": 7}).encode()},
    ]
    for lie in lies:
        with pytest.raises(BadSignatureError):
            signed_list(zipped({**parts, **lie}))
    missing = {name: raw for name, raw in parts.items() if name != part}
    with pytest.raises(BadSignatureError, match="is not in"):
        signed_list(zipped(missing))
    with pytest.raises(BadSignatureError, match="does not belong"):
        signed_list(zipped({**parts, "more.jsonl": b""}))


def test_what_another_release_signed_is_named(make: Callable[..., Path], key: SigningKey) -> None:
    """Whatever it says, it is not read as ours; nor is what a key signs that is no manifest."""
    parts = parts_of(make("1.zip", rows(1)))
    manifest = json.loads(parts["manifest.json"])
    said = json.loads(parts["signature.json"])
    others: list[object] = [
        {**manifest, "format": "lookalike-signed-list/2"},
        {**manifest, "more": 1},
        {**manifest, "number": "7"},
        {**manifest, "parts": {}},
        {**manifest, "previous": 7},
        [],
        7,
    ]
    for other in others:
        raw = json.dumps(other).encode()
        signature = {**said, "signature": base64.b64encode(key.sign(raw)).decode()}
        forged = {**parts, "manifest.json": raw, "signature.json": json.dumps(signature).encode()}
        with pytest.raises(BadSignatureError):
            signed_list(zipped(forged))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A signed list as bytes, and the public key."""
    folder = tmp_path_factory.mktemp("signed")
    key = SigningKey.create(folder / "key.pem")
    publish(rows(1, 2, 3), key, folder / "list.zip", "p", "l")
    return (folder / "list.zip").read_bytes(), key.public


@settings(max_examples=200, deadline=None)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=3))
def test_no_flipped_bit_gets_through(
    published: tuple[bytes, bytes], flips: list[tuple[float, int]]
) -> None:
    """Wherever it is: the list is refused, or every entry is the one that was signed."""
    whole, public = published
    raw = bytearray(whole)
    for place, bit in flips:
        raw[int(place * len(raw))] ^= 1 << bit
    try:
        found = signed_list(io.BytesIO(bytes(raw)))
        if found is not None:
            assert list(found.rows()) == read_whole(io.BytesIO(whole))
            assert found.public_key == public
    except ServiceError:
        pass


def test_a_plain_archive_is_no_signed_list() -> None:
    """It is read as it always was."""
    assert signed_list(io.BytesIO(b"provider_id,md5\n")) is None
    assert signed_list(zipped({"list.csv": b"md5\n"})) is None
    assert signed_list(zipped({"manifest.json": b"{}"})) is None


# Keys, and what cannot be published.


def test_a_private_key_is_its_owners_alone(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "signing.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(path).public == key.public
    with pytest.raises(FileExistsError):
        SigningKey.create(path)
    path.chmod(0o640)
    with pytest.raises(BadSigningKeyError, match="others may read"):
        SigningKey.load(path)
    for name, raw in {"empty": b"", "text": b"ed25519:x"}.items():
        (tmp_path / name).write_bytes(raw)
        (tmp_path / name).chmod(0o600)
        with pytest.raises(BadSigningKeyError):
            SigningKey.load(tmp_path / name)
    with pytest.raises(BadSigningKeyError, match="cannot be read"):
        SigningKey.load(tmp_path / "nowhere")


def test_public_keys_are_read_as_they_are_written(key: SigningKey) -> None:
    text = public_text(key.public)
    assert public_key_of(f" {text}\n") == key.public
    for bad in (
        "",
        text[:-1],
        text.removeprefix("ed25519:"),
        "ed25519:",
        text + "A",
        "rsa:" + text[8:],
    ):
        with pytest.raises(BadSigningKeyError):
            public_key_of(bad)


def test_what_cannot_be_published_leaves_the_old_file(
    make: Callable[..., Path], key: SigningKey, tmp_path: Path
) -> None:
    path = make("1.zip", rows(1))
    before = path.read_bytes()

    def failing() -> Iterator[ImportRow]:
        yield from rows(1, 2)
        raise OSError("the disk is gone")

    with pytest.raises(EmptyListError):
        publish([], key, path, "p", "l")
    with pytest.raises(EntryExistsError):
        publish([*rows(1), *rows(1, shift=1)], key, path, "p", "l")
    with pytest.raises(OSError, match="the disk"):
        publish(failing(), key, path, "p", "l")
    other = SigningKey.create(tmp_path / "other.pem")
    with pytest.raises(OtherSignerError), path.open("rb") as file:
        publish(rows(1), other, path, "p", "l", before=opened(file))
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [
        "1.zip",
        "other.pem",
        "signing.pem",
    ]
    assert publish([*rows(1), *rows(1)], key, path, "p", "l").repeated == 1


def test_entries_without_ids_get_lasting_ones(make: Callable[..., Path]) -> None:
    """The same item has the same in every list, so that the next one says what changed."""
    entry = ImportRow(0, Signals.of(md5=b"m" * 16, sha256=b"s" * 32))
    other = ImportRow(0, Signals.of(url="https://example.org/a"))
    first = make("1.zip", [entry, other])
    second = make("2.zip", [other, entry], after=first)
    with second.open("rb") as file:
        found = opened(file)
        assert found.manifest.delta == {"added": 0, "changed": 0, "removed": 0}
        ids = [row.provider_id for row in found.rows() if isinstance(row, ImportRow)]
    assert ids[1] == (b"s" * 32).hex()
