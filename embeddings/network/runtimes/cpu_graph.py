"""A network's graph as OpenVINO runs it on a CPU: compiled for one image, and for any number.

Nearly every call is for one image, a query's. A graph compiled for that shape alone takes about a
tenth less time than one for any number, which settles its shapes anew in every call and on two
threads, so that on a busy machine the call waits for the second. The other graph is compiled when
the first call for several images comes. Both give the same bits.

It knows OpenVINO; not what a network computes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray


def cpu_options(streams: int) -> dict[str, Any]:
    """How OpenVINO runs any network of ours on a CPU: in float32, ``streams`` calls side by side,
    each on one core.
    """
    return {
        "INFERENCE_PRECISION_HINT": "f32",
        # A thread for each stream: a call shares none, so that calls do not slow each other.
        "INFERENCE_NUM_THREADS": streams,
        "NUM_STREAMS": streams,
        # Pinned, every process would have its streams on the same first cores.
        "ENABLE_CPU_PINNING": False,
    }


class CpuGraph:
    """A compiled graph of one input and one output.

    Safe to call from several threads: each call takes its own request.
    """

    def __init__(self, build: Callable[[], ov.Model], streams: int) -> None:
        """Compile what ``build`` gives, whose input is (n, …) of any n, anew each time.

        ``streams``: calls that may run side by side, each on one core; more wait in line.
        """
        self._build: Final = build
        self._options: Final = cpu_options(streams)
        self._compiling = threading.Lock()
        self._several: ov.CompiledModel | None = None
        model = build()
        shape = model.input(0).get_partial_shape()
        shape[0] = 1
        model.reshape({model.input(0): shape})
        self._one: Final = ov.Core().compile_model(model, "CPU", self._options)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The output, float32 (n, …), of ``images``, uint8 (n, …)."""
        compiled = self._one if len(images) == 1 else self._for_several()
        results = compiled.create_infer_request().infer([images], share_inputs=True)
        return np.array(results[compiled.output(0)])

    def _for_several(self) -> ov.CompiledModel:
        with self._compiling:
            if self._several is None:
                self._several = ov.Core().compile_model(self._build(), "CPU", self._options)
            return self._several
