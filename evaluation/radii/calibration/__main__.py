"""The calibration as a program.

``python -m evaluation.radii.calibration --images TAR [--manifest CSV] [--more TAR …]
--json OUT``.

Says how often unrelated images match at each radius, and recommends radii. ``--more`` adds images
whose false matches count, but not their recall, such as those the model was trained on;
``--related`` lists pairs of images that show one work, and so are no false matches.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from embeddings.network.checkpoint import DEFAULT_CHECKPOINT
from embeddings.network.encoder import load_encoder
from evaluation.base import terminal
from evaluation.base.progress import Progress
from evaluation.corpora.corpus import open_corpus
from evaluation.corpora.related import read_related
from evaluation.radii.calibration.choice import TARGET
from evaluation.radii.calibration.measuring import calibrate
from evaluation.radii.calibration.table import tables


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.radii.calibration",
        description="False matches per pair, and the radii to set, on images of your own.",
    )
    parser.add_argument("--images", type=Path, required=True, help="folder or tar")
    parser.add_argument("--manifest", type=Path, help="CSV with name and kind, for --images")
    parser.add_argument("--more", type=Path, nargs="+", default=[], help="folders or tars")
    parser.add_argument("--more-manifest", type=Path, help="the same for all of --more")
    parser.add_argument("--related", type=Path, help="CSV with image and same_as: one work each")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, required=True, help="every figure, to this file")
    parser.add_argument("--target", type=float, default=TARGET, help="false matches per pair")
    parser.add_argument("--edits-per-family", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=1000, help="of the bootstrap")
    given = parser.parse_args(arguments)

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        corpora = [open_corpus(given.images, given.manifest)]
        corpora += [open_corpus(path, given.more_manifest) for path in given.more]
        result = calibrate(
            corpora,
            load_encoder("auto", given.checkpoint),
            related=read_related(given.related) if given.related else frozenset(),
            target=given.target,
            seed=given.seed,
            edits_per_family=given.edits_per_family,
            samples=given.samples,
            command=shlex.join(["python", "-m", "evaluation.radii.calibration", *arguments]),
            progress=progress,
        )
        return tables(result), result.to_json()

    return terminal.run(work, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
