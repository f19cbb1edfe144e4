"""``lookalike keys`` and ``migrate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.commands.keys import RoleName
from service.store import Role, open_store

Command = Callable[..., Any]


def test_the_command_line_knows_the_store_s_roles() -> None:
    assert [role.value for role in RoleName] == [role.value for role in Role]


@pytest.mark.usefixtures("made")
def test_a_key_is_made_listed_and_revoked(lookalike: Command, tmp_path: Path) -> None:
    made = lookalike("keys", "create", "uploads", "--role", "matcher", "--role", "reviewer")
    assert made.code == 0
    key_id = made.out.strip().split("_")[1]
    assert len(made.out.split()) == 1  # so that a script can take it as it is
    assert made.out.strip() not in made.err
    listed = lookalike("keys", "list", "--jsonl")
    (key,) = map(json.loads, listed.out.splitlines())
    assert (key["id"], key["name"], key["roles"]) == (key_id, "uploads", ["matcher", "reviewer"])
    assert key["revoked_at"] is None
    secret = made.out.strip().split("_")[2]
    assert secret not in listed.out + lookalike("keys", "list").out
    assert lookalike("keys", "revoke", key_id).code == 0
    store = open_store(tmp_path / "data", create=False)
    assert store.keys.all()[0].revoked_at is not None
    store.close()


def test_mistakes_are_named(lookalike: Command) -> None:
    assert lookalike("keys", "list").err.startswith("error (store_missing)")
    assert lookalike("keys", "create", "x", "--role", "king").code == 2
    said = lookalike("keys", "create", "x", "--role", "admin")
    assert said.err.startswith("error (store_missing)")
    lookalike("init")
    lookalike("keys", "create", "x", "--role", "admin")
    assert lookalike("keys", "revoke", "0000").err.startswith("error (key_not_found)")


def test_a_new_store_needs_no_migration(lookalike: Command) -> None:
    assert lookalike("migrate").err.startswith("error (store_missing)")
    lookalike("init")
    said = lookalike("migrate", "--dry-run")
    assert (said.code, said.out) == (0, "")
    assert "nothing to do" in said.err


def test_a_dry_run_prints_the_sql_and_leaves_the_database_alone(
    lookalike: Command, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    empty = tmp_path / "data" / "lookalike.db"
    empty.touch()
    said = lookalike("migrate", "--dry-run")
    assert said.code == 0
    assert "CREATE TABLE banks" in said.out
    assert "would apply" in said.err
    assert lookalike("keys", "list").code == 1
    assert lookalike("migrate").code == 0
    assert lookalike("keys", "list").code == 0
