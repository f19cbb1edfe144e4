"""``python -m evaluation.imagery --images TAR [--manifest CSV] [--checkpoint FILE] [--json OUT]``.

Says how well an encoder tells photographs from the rest, on images whose kind is known.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from embeddings.checkpoint import DEFAULT_CHECKPOINT
from embeddings.encoder import load_encoder
from evaluation import terminal
from evaluation.corpus import open_corpus
from evaluation.hashing import Progress
from evaluation.imagery.measuring import measure
from evaluation.imagery.table import tables


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.imagery",
        description="How well photographs are told from drawings, on images of your own.",
    )
    parser.add_argument("--images", type=Path, required=True, help="folder or tar")
    parser.add_argument("--manifest", type=Path, help="CSV with name, kind, style, source")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=1000, help="of the bootstrap")
    given = parser.parse_args(arguments)

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        result = measure(
            open_corpus(given.images, given.manifest),
            load_encoder("auto", given.checkpoint),
            seed=given.seed,
            samples=given.samples,
            command=shlex.join(["python", "-m", "evaluation.imagery", *arguments]),
            progress=progress,
        )
        return tables(result), result.to_json()

    return terminal.run(work, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
