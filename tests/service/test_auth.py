"""The first key, and who is behind a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.domain.errors import (
    KeyMissingError,
    KeyRefusedError,
    NoAdminKeyError,
    RoleMissingError,
)
from service.domain.settings import load_settings
from service.http.door.auth import ADMINS, ENVIRONMENT_KEY, MATCHERS, Doorman, first_admin_key
from service.replica.replica import Replica
from service.store import Role, Store


def test_the_first_run_on_a_terminal_makes_one_key(store: Store, tmp_path: Path) -> None:
    """Once: the next run finds it and makes none."""
    settings = load_settings(data_dir=tmp_path)
    made = first_admin_key(store, settings, terminal=True)
    assert made is not None
    assert made.key.roles == {Role.ADMIN}
    assert first_admin_key(store, settings, terminal=True) is None
    assert first_admin_key(store, settings, terminal=False) is None


def test_without_a_terminal_a_key_must_be_there(store: Store, tmp_path: Path) -> None:
    """Neither a matcher's key nor a revoked admin key counts; one of the environment does."""
    settings = load_settings(data_dir=tmp_path)
    store.keys.create("m", frozenset({Role.MATCHER}))
    store.keys.revoke(store.keys.create("gone", ADMINS).key.id)
    with pytest.raises(NoAdminKeyError, match="LOOKALIKE_ADMIN_KEY"):
        first_admin_key(store, settings, terminal=False)
    given = load_settings(data_dir=tmp_path, admin_key="long enough")
    assert first_admin_key(store, given, terminal=False) is None
    assert [key.name for key in store.keys.all()] == ["m", "gone"]


def test_a_key_opens_what_its_roles_may(store: Store, tmp_path: Path) -> None:
    """Its text and nothing like it."""
    replica = Replica(store, poll_seconds=1)
    new = store.keys.create("m", frozenset({Role.MATCHER}))
    replica.sync()
    doorman = Doorman(replica, load_settings(data_dir=tmp_path))
    assert doorman.admit(f"Bearer {new.text}", MATCHERS).key_id == new.key.id
    assert doorman.admit(f"bearer  {new.text} ", MATCHERS).roles == {Role.MATCHER}
    with pytest.raises(RoleMissingError):
        doorman.admit(f"Bearer {new.text}", ADMINS)
    for text in (new.text[:-1], new.text + "0", new.text.upper(), new.text[:-1] + "g", "x"):
        with pytest.raises(KeyRefusedError):
            doorman.admit(f"Bearer {text}", MATCHERS)
    for header in ("", new.text, f"Token {new.text}"):
        with pytest.raises(KeyMissingError):
            doorman.admit(header, MATCHERS)


def test_the_environments_key_is_admin(store: Store, tmp_path: Path) -> None:
    """Any text will do, and only that text."""
    settings = load_settings(data_dir=tmp_path, admin_key="pässword with spaces")
    doorman = Doorman(Replica(store, poll_seconds=1), settings)
    caller = doorman.admit("Bearer pässword with spaces", ADMINS)
    assert (caller.key_id, caller.roles) == (ENVIRONMENT_KEY, ADMINS)
    with pytest.raises(KeyRefusedError):
        doorman.admit("Bearer password with spaces", ADMINS)
