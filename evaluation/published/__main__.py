"""``python -m evaluation.published --disc21 DIR | --copydays DIR [--json OUT]``.

Runs the published protocol on a set that the user holds.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embeddings.network.checkpoint import DEFAULT_CHECKPOINT
from embeddings.network.encoder import load_encoder
from evaluation.base import terminal
from evaluation.base.progress import Progress
from evaluation.base.terminal import NONE, printable, share_text
from evaluation.corpora.corpus import open_corpus
from evaluation.published.layouts import open_copydays, open_disc21
from evaluation.published.running import SIGNALS, PublishedResult, run_copydays, run_disc21


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.published",
        description="The published protocols of DISC21 and Copydays, on copies you hold.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--disc21", type=Path, metavar="DIR")
    which.add_argument("--copydays", type=Path, metavar="DIR")
    parser.add_argument("--queries", choices=("dev", "final"), default="dev", help="of DISC21")
    parser.add_argument("--truth", type=Path, help="DISC21's CSV, if it stands elsewhere")
    parser.add_argument("--distractors", type=Path, help="for Copydays: folder or tar")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    given = parser.parse_args(arguments)
    command = shlex.join(["python", "-m", "evaluation.published", *arguments])

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        # The set is opened first: what is wrong with it is said before a model is loaded.
        if given.disc21 is not None:
            disc21 = open_disc21(given.disc21, given.queries, truth=given.truth)
            encoder = load_encoder("auto", given.checkpoint)
            result = run_disc21(disc21, encoder, command=command, progress=progress)
        else:
            copydays = open_copydays(given.copydays)
            more = None if given.distractors is None else open_corpus(given.distractors)
            encoder = load_encoder("auto", given.checkpoint)
            result = run_copydays(copydays, encoder, more, command=command, progress=progress)
        return tables(result), result.to_json()

    return terminal.run(work, given.json)


def tables(result: PublishedResult) -> RenderableType:
    """The figures for a terminal."""
    origin = result.provenance
    heading = f"{origin.data}: {result.references} references, {result.queries} queries; "
    notes = f"{origin.machine}; {origin.software}; {origin.date}\ncommand: "
    if result.skipped:
        skipped = ", ".join(f"{count} {code}" for code, count in sorted(result.skipped.items()))
        notes = f"Not decoded, and so not found: {skipped}.\n{notes}"
    return Group(
        Text(heading + origin.spaces[0]),
        _disc21(result) if result.disc21 else _copydays(result),
        Text(notes + printable(origin.command)),
    )


def _disc21(result: PublishedResult) -> Table:
    table = Table("", "score normalisation", "µAP", "recall at precision .9", "recall at 1")
    for row in result.disc21:
        for name, one in (("no", row.raw), ("yes", row.normalised)):
            if one is None:
                table.add_row(row.signal, "no training images", *(NONE,) * 3)
            else:
                shares = (one.average_precision, one.recall_at_90, one.first)
                table.add_row(row.signal, name, *map(share_text, shares))
    return table


def _copydays(result: PublishedResult) -> Table:
    table = Table("copies", "queries", *(f"mAP, {signal}" for signal in SIGNALS))
    for row in result.copydays:
        shares = (row.average_precision[signal] for signal in SIGNALS)
        table.add_row(row.block, str(row.queries), *map(share_text, shares))
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
