"""``python -m evaluation.imagery --images TAR [--manifest CSV] [--json OUT]``.

``--scores CSV`` in place of ``--images`` reads what the training program wrote of held-out sources.

Says how well the imagery score tells photographs from the rest, on images whose kind is known.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from embeddings.network import imagery_checkpoint
from embeddings.network.imagery import load_imagery
from embeddings.network.imagery_checkpoint import IMAGERY_CHECKPOINT
from evaluation.base import terminal
from evaluation.base.progress import Progress
from evaluation.corpora.corpus import open_corpus
from evaluation.imagery.measuring import measure, measure_held_out
from evaluation.imagery.table import tables


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.imagery",
        description="How well photographs are told from drawings, on images of your own.",
    )
    given_images = parser.add_mutually_exclusive_group(required=True)
    given_images.add_argument("--images", type=Path, help="folder or tar")
    given_images.add_argument("--scores", type=Path, help="CSV of held-out sources' scores")
    parser.add_argument("--wear", default="usual", help="which of those: usual, small, ...")
    parser.add_argument("--manifest", type=Path, help="CSV with name, kind, style, source")
    parser.add_argument("--checkpoint", type=Path, default=IMAGERY_CHECKPOINT)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=1000, help="of the bootstrap")
    given = parser.parse_args(arguments)

    command = shlex.join(["python", "-m", "evaluation.imagery", *arguments])
    drawn = {"seed": given.seed, "samples": given.samples, "command": command}

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        if given.scores:
            info = imagery_checkpoint.load(given.checkpoint).info
            result = measure_held_out(given.scores, info, given.wear, **drawn)
        else:
            corpus, model = (
                open_corpus(given.images, given.manifest),
                load_imagery(given.checkpoint),
            )
            result = measure(corpus, model, progress=progress, **drawn)
        return tables(result), result.to_json()

    return terminal.run(work, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
