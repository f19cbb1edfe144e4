"""When exchanges are synced: a thread that looks at what is due, and tells what is wrong.

Of all replicas one syncs an exchange at a time, under a lease in the store; all of them tell what
is wrong with any. It knows when; how stands in ``service.work.syncing``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from service.domain.errors import NotFoundError, ServiceError, StoreError
from service.domain.exchanges import ExchangeRecord, ExchangeRun
from service.domain.health import Health
from service.domain.settings import Settings
from service.store import Store
from service.work.syncing import StoppedError, SyncBusyError, Syncer

log = logging.getLogger(__name__)

CHECK: Final = "exchanges"

_EVERY: Final = 5.0
"""Seconds between two looks at what is due."""


_UNFORESEEN: Final = timedelta(minutes=10)
"""Until an exchange is asked again whose sync failed in a way that nobody foresaw."""

_LETS_GO: Final = 5.0
"""Seconds."""


class Sync:
    """Syncs the exchanges of one store as they fall due."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        health: Health,
        told: Callable[[Sequence[ExchangeRecord]], object] = lambda _records: None,
        ran: Callable[[ExchangeRecord, ExchangeRun], object] = lambda _record, _run: None,
        every: float = _EVERY,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Sync what is in ``store``, if ``settings`` say so; look ``every`` so many seconds by
        ``clock``. ``health`` hears of it as the check ``exchanges``, ``told`` how all stand,
        ``ran`` how each sync here went."""
        self.known: tuple[ExchangeRecord, ...] = ()
        """How all stood at the last look."""
        self._store, self._enabled = store.acting("job:sync"), settings.sync
        self._health, self._told, self._ran, self._every, self._clock = (
            health,
            told,
            ran,
            every,
            clock,
        )
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._later: dict[int, datetime] = {}  # what failed as nobody foresaw, and until when
        self._syncer = Syncer(self._store, settings, self._pause)
        self._thread = threading.Thread(target=self._follow, name="sync", daemon=True)

    def start(self) -> None:
        """Begin to look, in a thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look now: something was asked for."""
        self._woken.set()

    def stop(self) -> None:
        """End; a sync that is under way goes on after the next start."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_LETS_GO)  # an exchange that does not answer is not waited for

    def look(self) -> int:
        """Sync what is due and no other replica syncs, one after another; how many were.

        Raises ``StoreError``.
        """
        records, damaged = self._store.exchanges.read()
        done = 0
        if self._enabled:
            self._syncer.tidy(records)
            for record in records:
                if self._is_turn_of(record) and not self._stopping.is_set():
                    try:
                        self._ran(record, self._syncer.sync(record).run)
                        done += 1
                    except (SyncBusyError, NotFoundError):
                        continue
                    except (StoppedError, StoreError):
                        raise
                    except Exception:
                        # Whatever it is: other exchanges must not suffer from it, nor the hotline.
                        log.exception("the sync of %s failed as nobody foresaw", record.name)
                        self._later[record.id] = self._clock() + _UNFORESEEN
        if done:
            records, damaged = self._store.exchanges.read()
        self.tell(records, damaged)
        return done

    def _is_turn_of(self, record: ExchangeRecord) -> bool:
        now = self._clock()
        return record.is_due(now) and self._later.get(record.id, now) <= now

    def tell(self, records: Sequence[ExchangeRecord], damaged: Sequence[str] = ()) -> None:
        """Report how all stand."""
        now = self._clock()
        wrong = [
            (one, "internal" if self._later.get(one.id, now) > now else one.trouble(now))
            for one in records
        ]
        details = [
            f"{one.name}: {code}{f' ({one.last.said})' if one.last and one.last.said else ''}"
            for one, code in wrong
            if code
        ] + [f"{name}: not what was written" for name in damaged]
        if details:
            count = len(details)
            which = "1 exchange" if count == 1 else f"{count} exchanges"
            said = f"{which} did not bring what should be new: lists may be out of date"
            self._health.degraded(CHECK, said, "; ".join(details)[:2000])
        else:
            self._health.sound(CHECK)
        self.known = tuple(records)
        self._told(records)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except StoppedError:
                return
            except ServiceError as error:
                said = "what exchanges have that is new cannot be seen to"
                self._health.degraded(CHECK, said, str(error))
            except Exception:
                # Whatever it is: other exchanges, and the next time, must not suffer from it.
                log.exception("a sync failed in a way that nobody foresaw")
                self._health.degraded(CHECK, "a sync failed in a way that nobody foresaw")
            self._woken.wait(self._every)
            self._woken.clear()

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StoppedError
