"""The command line: one small module a command, each importing what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """Run ``lookalike`` with the arguments of this process."""
    from service.cli.app import build

    build()(prog_name="lookalike")
