"""Another descriptor measured in the same run: ``python -m evaluation.programs.peers``.

``--onnx FILE`` is a network that takes ``image``, uint8 (n, s, s, 3), and gives descriptors, float
(n, d). It is measured by cosine beside PDQ and the shipped code, on the benchmark of ``lookalike
evaluate``, images squashed to ``--side`` pixels. A peer is measured and nothing more: it is not
shipped, depended on, or trained on. ONNX Runtime is a dependency of development only. It knows how
to run such a file; not how anything is measured.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType

from embeddings.network.checkpoint import DEFAULT_CHECKPOINT
from embeddings.network.encoder import load_encoder, squashed
from evaluation.base import terminal
from evaluation.base.hashers import DescriptorHasher, Images
from evaluation.base.progress import Progress
from evaluation.showing.report import evaluate_images, tables


class OnnxDescriptors:
    """Descriptors of an ONNX file."""

    def __init__(self, path: Path, side: int, threads: int) -> None:
        """Images are squashed to ``side`` pixels square."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._side = side

    def __call__(self, images: Images) -> NDArray[np.float32]:
        """Float32 (n, d) of images, each uint8 (h, w, 3)."""
        rows = [
            self._session.run(None, {self._input: squashed(image, self._side)[None]})[0]
            for image in images
        ]
        return np.concatenate(rows).astype(np.float32)


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.programs.peers", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--images", type=Path, required=True, help="folder or tar")
    parser.add_argument("--manifest", type=Path, help="CSV with name, kind, style, source")
    parser.add_argument("--related", type=Path, help="CSV with image and same_as: one work each")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--onnx", type=Path, required=True, help="the peer's network")
    parser.add_argument("--name", required=True, help="what the report calls it")
    parser.add_argument("--side", type=int, required=True, help="pixels of its input")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    given = parser.parse_args(arguments)

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        peer = OnnxDescriptors(given.onnx, given.side, given.threads)
        result = evaluate_images(
            given.images,
            manifest=given.manifest,
            encoder=load_encoder("auto", given.checkpoint),
            hashers=[DescriptorHasher(given.name, peer)],
            descriptors=True,
            related=given.related,
            progress=progress,
            command=shlex.join(["python", "-m", "evaluation.programs.peers", *arguments]),
        )
        return tables(result), result.to_json()

    return terminal.run(work, given.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
