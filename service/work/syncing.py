"""One sync of one exchange: fetched to its end, read, put in force, and written down how it went.

What was fetched waits in the data folder until it is in force, so that a sync which is cut off goes
on where it was; the checkpoint moves in the transaction that puts it in force, so that nothing is
left out between two syncs. It knows the order of these steps; when an exchange is due is
``service.work.sync``'s.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import orjson

from service.domain.allowlist import AllowList
from service.domain.deadlines import writing_begins_within
from service.domain.errors import (
    ExchangeChangedError,
    ImportRefusedError,
    ServiceError,
    StoreBusyError,
    StoreError,
)
from service.domain.exchanges import MOST_WAIT, ExchangeRecord, ExchangeRun, NewExchange, RunState
from service.domain.settings import Settings
from service.domain.values import ImportRow, RejectedLine, Withdrawn
from service.lists.exchanges.errors import (
    BadExchangeError,
    ExchangeAwayError,
    ExchangeError,
    ExchangeOddError,
    PlaceExpiredError,
)
from service.lists.exchanges.fetching import Fetched, fetch
from service.lists.exchanges.kinds import KINDS, check_settings, open_exchange
from service.lists.exchanges.permits import Permits
from service.lists.exchanges.web import Pause
from service.lists.formats import ListReader, PackingLimits, Page, ReadOptions, file_chunks
from service.lists.signed.errors import SameListError
from service.lists.signed.keys import public_key_of
from service.lists.signed.package import newest_signed
from service.store import (
    ImportDiff,
    ImportTarget,
    ListShrinksError,
    Mode,
    RefusedDiffError,
    Signing,
    Store,
)

log = logging.getLogger(__name__)

FOLDER: Final = "exchanges"
"""In the data folder: what was fetched and is not in force yet."""

MOST_BYTES: Final = 64 * 2**30
"""That one sync may fetch."""

LEASE: Final = 120.0
"""Seconds that an exchange is left alone by others after its holder was heard of last."""

_LONGEST: Final = 24 * 3600.0
"""Seconds that one sync may fetch."""

_FIRST_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 3600.0
"""Seconds until an exchange that is away is tried again, twice as long each time."""

_LEFT_OUT: Final = "lines_rejected"
_LETS_GO: Final = 5.0

Told = Callable[[int, int], object]
"""Hears how many pages were fetched, and their bytes."""


class StoppedError(Exception):
    """This process ends in the middle of a sync; the next goes on from there."""


class SyncBusyError(ServiceError):
    """Another process syncs this exchange just now."""

    code = "sync_running"


@dataclass(frozen=True)
class Synced:
    """What one sync came to."""

    run: ExchangeRun
    passed_over: Mapping[str, int]
    """What was met and is not listed, with how often."""


def permits_of(settings: Settings) -> Permits:
    """What ``settings`` allow exchanges."""
    return Permits(
        AllowList(settings.exchange_hosts), settings.exchange_folders, settings.exchange_secrets
    )


def check_exchange(new: NewExchange, permits: Permits) -> NewExchange:
    """``new`` itself, once it is known that it could be opened. Raises ``InvalidValueError``."""
    check_settings(new.kind, new.settings)
    permits.check(new.settings, KINDS[new.kind].secrets)
    return new


class Syncer:
    """Syncs exchanges of one store, one at a time."""

    def __init__(self, store: Store, settings: Settings, pause: Pause = time.sleep) -> None:
        """Fetch into the data folder of ``settings`` as they allow; ``pause`` waits so many
        seconds, and may raise ``StoppedError``."""
        self._store, self._pause = store, pause
        self._permits = permits_of(settings)
        self._root = settings.data_dir / FOLDER
        self._holder = secrets.token_hex(8)

    def sync(
        self, record: ExchangeRecord, allow_shrink: bool = False, told: Told | None = None
    ) -> Synced:
        """Bring what is new at ``record`` in force, whether or not it is due.

        Whatever keeps it from that is told by the run that it answers with. Raises
        ``SyncBusyError``, ``StoreError`` and ``StoppedError``.
        """
        lease = f"sync:{record.id}"
        with writing_begins_within(None), self._leased(lease) as lost:
            record = self._store.exchanges.get(record.name)
            run = self._store.exchanges.begin(record, allow_shrink)

            def hears(pages: int, size: int) -> None:
                self._pause(0)
                if lost.is_set():
                    raise SyncBusyError("the lease was lost")
                if told is not None:
                    told(pages, size)

            passed_over: dict[str, int] = {}
            try:
                done, wait = self._brought(record, run, hears, passed_over)
            except (ServiceError, OSError) as error:
                if isinstance(error, StoreError) and not isinstance(error, StoreBusyError):
                    raise  # what would be written down cannot be
                done, wait = _failed(record, run, error)
            self._store.exchanges.end(record, done, wait)
        _log(record, done)
        return Synced(done, passed_over)

    def dry(
        self, record: ExchangeRecord, told: Told | None = None
    ) -> tuple[ImportDiff | None, str]:
        """What a sync would change, and change nothing; ``None``: nothing is new. Beside it what
        was fetched, in words. Raises ``ServiceError``."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._root, prefix="dry-") as folder:
            since = self._store.exchanges.start_of(record)
            fetched, mode, ordered, fmt = self._fetched(record, since, Path(folder) / "pages", told)
            if fetched is None:
                return None, "nothing new"
            size = sum(page.path.stat().st_size for page in fetched.pages)
            said = f"{len(fetched.pages)} pages, {size} bytes"
            limit = record.new.max_rejected
            with self._opened(record, fetched, fmt) as (_, rows, signing):
                diff = self._store.apply_import(
                    _target(record, mode, ordered), rows, limit, dry_run=True, signing=signing
                )
            return diff, said

    def tidy(self, records: Iterable[ExchangeRecord]) -> None:
        """Remove what was fetched for exchanges that are no more, or are others now."""
        wanted = {self._folder(record).name for record in records}
        if self._root.is_dir():
            for path in self._root.iterdir():
                if path.name not in wanted and not path.name.startswith("dry-"):
                    shutil.rmtree(path, ignore_errors=True)

    def _brought(
        self, record: ExchangeRecord, run: ExchangeRun, told: Told, passed_over: dict[str, int]
    ) -> tuple[ExchangeRun, timedelta]:
        every = timedelta(seconds=record.new.every)
        since = self._store.exchanges.start_of(record)
        folder = self._folder(record)
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        fetched, mode, ordered, fmt = self._fetched(record, since, folder, told)
        if fetched is None:
            return _same(record, run), every
        size = sum(page.path.stat().st_size for page in fetched.pages)
        run = replace(run, pages=len(fetched.pages), bytes=size)
        kept = False
        try:
            with self._opened(record, fetched, fmt) as (reader, rows, signing):
                diff = self._store.apply_import(
                    _target(record, mode, ordered),
                    rows,
                    record.new.max_rejected,
                    allow_shrink=run.allow_shrink,
                    signing=signing,
                    along=self._store.exchanges.landing(record, fetched.checkpoint),
                    still=self._store.exchanges.untouched(record) if mode is Mode.APPEND else None,
                )
        except SameListError:
            return _same(record, run), every
        except (RefusedDiffError, ImportRefusedError, ExchangeChangedError) as error:
            found = error.diff if isinstance(error, RefusedDiffError) else None
            return _refused(run, error, found), every
        except BaseException:
            kept = True  # it can be applied another time
            raise
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)
        passed_over.update(reader.passed_over)
        return _done(record, run, diff, mode), every

    def _fetched(
        self, record: ExchangeRecord, since: str | None, folder: Path, told: Told | None
    ) -> tuple[Fetched | None, Mode, bool, str | None]:
        """What is new; whether that is all or what changed; whether it is in order; its format."""
        until = time.monotonic() + _LONGEST

        def hears(pages: int, size: int) -> None:
            if time.monotonic() > until:
                raise ExchangeOddError(f"the exchange sends for more than {_LONGEST:.0f} s")
            if told is not None:
                told(pages, size)

        with open_exchange(
            record.new.kind, record.new.settings, self._pause, self._permits
        ) as exchange:
            # From its beginning on, what changed is the whole list too.
            mode = Mode.REPLACE if exchange.whole or since is None else Mode.APPEND
            try:
                found = fetch(exchange, folder, since, MOST_BYTES, hears)
            except PlaceExpiredError:
                found = fetch(exchange, folder, since, MOST_BYTES, hears)
            return found, mode, not exchange.whole, exchange.format

    @contextlib.contextmanager
    def _opened(
        self, record: ExchangeRecord, fetched: Fetched, fmt: str | None
    ) -> Iterator[tuple[ListReader, Iterable[ImportRow | Withdrawn | RejectedLine], Signing]]:
        """What was fetched, to be read, and who signed it."""
        options = ReadOptions(packing=PackingLimits(MOST_BYTES, self._root))
        key = record.new.settings.get("signed_by")
        vouched = None if key is None else public_key_of(key)
        takes = "signed_by" in KINDS[record.new.kind].optional
        paths = [page.path for page in fetched.pages] if takes else []
        with newest_signed(paths, options) as signed:
            if signed is not None:
                yield signed.reader, signed.rows(), Signing(signed.version, vouched)
            else:
                reader = ListReader(_pages(fetched), fmt, options)
                yield reader, reader, Signing(None, vouched)

    def _folder(self, record: ExchangeRecord) -> Path:
        """Where pages wait: another one once the exchange is asked for something else."""
        asked = orjson.dumps(
            [record.new.kind, dict(record.new.settings)], option=orjson.OPT_SORT_KEYS
        )
        told = hashlib.blake2b(asked, digest_size=8).hexdigest()
        return self._root / f"{record.id}-{told}"

    @contextlib.contextmanager
    def _leased(self, lease: str) -> Iterator[threading.Event]:
        """Holds ``lease``; the event is set once it is lost."""
        if not self._store.take_lease(lease, self._holder, LEASE):
            raise SyncBusyError("another process syncs this exchange just now")
        lost, ended = threading.Event(), threading.Event()

        def keep() -> None:
            while not ended.wait(LEASE / 6):
                # A store that does not answer now does another time; until then nobody else
                # is told that the lease is free.
                with contextlib.suppress(ServiceError):
                    if not self._store.take_lease(lease, self._holder, LEASE):
                        lost.set()
                        return

        thread = threading.Thread(target=keep, name="sync-lease", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            ended.set()
            thread.join(_LETS_GO)
            with contextlib.suppress(ServiceError):
                self._store.drop_lease(lease, self._holder)


def _pages(fetched: Fetched) -> Iterator[Page]:
    for number, page in enumerate(fetched.pages):
        with page.path.open("rb") as file:
            yield Page(page.name or f"page {number + 1}", file_chunks(file))


def _target(record: ExchangeRecord, mode: Mode, ordered: bool) -> ImportTarget:
    new = record.new
    return ImportTarget(new.bank, new.provider, new.list, None, False, None, mode, ordered)


def _same(record: ExchangeRecord, run: ExchangeRun) -> ExchangeRun:
    """Nothing was new: what was left out before is still missing."""
    same = replace(run, state=RunState.UNCHANGED)
    last = record.last
    if last is None or last.code != _LEFT_OUT:
        return same
    return replace(same, code=last.code, said=last.said)


def _done(record: ExchangeRecord, run: ExchangeRun, diff: ImportDiff, mode: Mode) -> ExchangeRun:
    changed = diff.added or diff.updated or diff.removed
    said = ""
    if mode is Mode.APPEND and not diff.rejected_count:
        run = _same(record, run)  # what was left out of earlier changes is not sent again
    if diff.rejected_count:
        first = diff.rejected[0]
        said = (
            f"{diff.rejected_count} bad lines were left out; the first is line {first.line}:"
            f" {first.reason}"
        )
    return replace(
        _counted(run, diff),
        state=RunState.DONE if changed else RunState.UNCHANGED,
        code=_LEFT_OUT if diff.rejected_count else run.code,
        said=said or run.said,
        version=diff.list_version if changed else None,
    )


def _refused(run: ExchangeRun, error: ServiceError, diff: ImportDiff | None) -> ExchangeRun:
    shrinks = isinstance(error, ListShrinksError)
    state = RunState.NEEDS_REVIEW if shrinks else RunState.FAILED
    counted = run if diff is None else _counted(run, diff)
    return replace(counted, state=state, code=error.code, said=str(error))


def _counted(run: ExchangeRun, diff: ImportDiff) -> ExchangeRun:
    return replace(
        run,
        added=diff.added,
        updated=diff.updated,
        removed=diff.removed,
        unchanged=diff.unchanged,
        rejected=diff.rejected_count,
    )


def _failed(
    record: ExchangeRecord, run: ExchangeRun, error: ServiceError | OSError
) -> tuple[ExchangeRun, timedelta]:
    """A run that something kept from its end, and when to try again."""
    every = timedelta(seconds=record.new.every)
    if isinstance(error, OSError):
        said = f"this machine's files: {error.strerror or type(error).__name__}"
        failed = replace(run, state=RunState.FAILED, code="os_error", said=said)
    else:
        failed = replace(run, state=RunState.FAILED, code=error.code, said=str(error))
    mends_itself = not isinstance(error, BadExchangeError)
    if mends_itself and (not isinstance(error, ExchangeError) or _is_brief(error)):
        seconds = min(_FIRST_WAIT * 2 ** min(record.failures, 10), _LONGEST_WAIT)
        wait = min(every, timedelta(seconds=seconds))
    else:
        wait = every
    if isinstance(error, ExchangeAwayError) and error.seconds is not None:
        wait = max(wait, min(timedelta(seconds=error.seconds), MOST_WAIT))
    return failed, wait


def _is_brief(error: ExchangeError) -> bool:
    # Credentials that were refused are refused again, and may be locked out.
    return isinstance(error, ExchangeAwayError | ExchangeOddError)


def _log(record: ExchangeRecord, run: ExchangeRun) -> None:
    if run.state in (RunState.FAILED, RunState.NEEDS_REVIEW):
        log.warning("exchange %s: %s (%s): %s", record.name, run.state, run.code, run.said)
    elif run.state is RunState.DONE:
        log.info(
            "exchange %s: %d added, %d updated, %d removed, %d rejected",
            record.name,
            run.added,
            run.updated,
            run.removed,
            run.rejected,
        )
