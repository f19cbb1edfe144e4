"""Another descriptor, an ONNX file, to be measured beside ours: ``lookalike-eval peers``.

The network takes ``image``, uint8 (n, s, s, 3), and gives descriptors, float (n, d); they are
compared by cosine. A peer is measured and nothing more: it is not shipped, depended on, or trained
on. ONNX Runtime is a dependency of development only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.network.encoder import squashed
from evaluation.base.hashers import Images


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
