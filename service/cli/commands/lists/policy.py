"""``lookalike policy``: put a bank policy file in force, all of its banks or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.local import DATA_HELP, store_to_change
from service.cli.terminal import counted, print_table, printable, reporting, say

if TYPE_CHECKING:
    from service.cli.policy_file import PolicyFile
    from service.store import Policy


@reporting
def apply_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy file, JSON.")],
    any_space: Annotated[
        bool,
        typer.Option(
            "--any-space", help="Apply code radii that were measured for another code space."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help=DATA_HELP)] = None,
) -> None:
    """Give banks the actions and radii of a policy file.

    Notebook 3 writes one, docs/policies.md describes it. Banks that are not there are made; what
    the file does not say of a bank stays; banks it does not name are left alone. All changes commit
    together. A running server sees them within two seconds.
    """
    from service.cli.policy_file import read_policy
    from service.store import Policy

    asked = read_policy(file)
    _check_space(asked, any_space)
    with store_to_change(data, dry_run) as store:
        there = {bank.name: bank.policy for bank in store.banks.all()}
        new = Policy()
        wanted = {bank.name: bank.applied(there.get(bank.name, new)) for bank in asked.banks}
        changed = {name for name, policy in wanted.items() if there.get(name) != policy}
        if changed and not dry_run:
            store.banks.apply({bank.name: bank.applied for bank in asked.banks})
    _say_origin(asked)
    if not changed:
        say(f"nothing to change: {counted(len(wanted), 'bank')} as the file says")
        return
    _show(there, {name: wanted[name] for name in wanted if name in changed}, dry_run)
    for name in wanted:
        _warn(name, there.get(name), wanted[name])


def _check_space(asked: PolicyFile, any_space: bool) -> None:
    """Radii of one code space say nothing of another: the wrong ones would miss in silence."""
    from embeddings.network import checkpoint
    from service.cli.policy_file import PolicySpaceError

    if not asked.space or any_space:
        return
    ours = checkpoint.load().info.space
    if ours != asked.space:
        raise PolicySpaceError(
            f"the code radii were measured for {asked.space!r}, and this installation makes"
            f" {ours!r}: measure again, or apply them with --any-space"
        )


def _say_origin(asked: PolicyFile) -> None:
    known = [
        f"{key} {value}"
        for key in ("data", "space", "date")
        if isinstance(value := asked.provenance.get(key), str)
    ]
    if known:
        say(f"measured: {', '.join(known)}")
    if asked.unmeasured:
        say(
            "not measured but extrapolated or bounded, by what the file says: "
            + ", ".join(asked.unmeasured)
        )


def _show(there: dict[str, Policy], changed: dict[str, Policy], dry_run: bool) -> None:
    from rich.table import Table

    table = Table()
    for heading in ("bank", "what", "before", "after"):
        table.add_column(heading, overflow="fold")
    for name, policy in changed.items():
        before, after = _fields(there.get(name)), _fields(policy)
        for what in dict.fromkeys([*before, *after]):
            if before.get(what) != after.get(what):
                old = before.get(what, "default" if name in there else "new bank")
                table.add_row(printable(name), what, old, after.get(what, "default"))
    state = "dry run: nothing changed" if dry_run else "in force"
    print_table(table, f"{counted(len(changed), 'bank')}, {state}")


def _fields(policy: Policy | None) -> dict[str, str]:
    """A policy as words, radii that are defaults left out."""
    if policy is None:
        return {}
    fields = {
        "action": policy.action.value,
        "imagery": policy.imagery.value,
        "enabled": "yes" if policy.enabled else "no",
    }
    if policy.radius.pdq is not None:
        fields["radius.pdq"] = f"{policy.radius.pdq} bits"
    for imagery, radius in sorted(policy.radius.code.items()):
        fields[f"radius.code.{imagery.value}"] = f"{radius} bits"
    return fields


def _warn(name: str, before: Policy | None, after: Policy) -> None:
    """Say what takes entries out of force: nobody should find that out from a miss."""
    if before is None:
        return
    if before.enabled and not after.enabled:
        say(f"bank {name!r}: switched off, its entries no longer match")
    if before.action != after.action and after.action.value == "allow":
        say(f"bank {name!r}: now an allow bank, its digests no longer block")
