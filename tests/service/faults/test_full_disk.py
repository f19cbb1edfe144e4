"""The disk of the store and of the index is full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from service.domain.errors import StorageFullError
from service.store import backup
from tests.service.faults.history import History

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.service.conftest import Served
    from tests.service.faults.conftest import SmallDisk


def test_what_was_acknowledged_is_there_and_matched_on(
    serve: Callable[..., Served], small_disk: SmallDisk
) -> None:
    """Writes are refused by name until there is room again; nothing listed is missed meanwhile, or
    after that, or by the server that starts next."""
    served = serve(str(small_disk.folder / "data"))
    with served.client() as client:
        history = History(client)
        history.begin()
        assert all(history.write(number) for number in range(50))
        small_disk.fill()
        written = [history.write(number) for number in range(50, 400)]
        assert not all(written)
        assert history.missed() == []
        for index in served.services.replica._indexes.all.values():
            index.save()
        assert history.missed() == []
        small_disk.free()
        assert history.write(1000)
        assert history.missed() == []
    again = serve(str(small_disk.folder / "data"))
    with again.client() as client:
        assert History(client).missed(history.kept) == []
    held = {entry.provider_id for entry in served.store.entries.page("a", limit=1000).entries}
    assert held >= set(map(str, history.kept))


def test_a_backup_that_finds_no_room_leaves_none_taken(
    serve: Callable[..., Served], small_disk: SmallDisk
) -> None:
    """Neither the folder nor its unfinished file."""
    served = serve()
    with served.client() as client:
        history = History(client)
        history.begin()
        assert all(history.write(number) for number in range(50))
    small_disk.fill()
    with pytest.raises(StorageFullError):
        backup(small_disk.folder / "b", served.services.settings.data_dir)
    assert {path.name for path in small_disk.folder.iterdir()} == {"ballast"}
