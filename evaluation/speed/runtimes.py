"""Which runtime computes the network fastest on a CPU, and how it compares with a ResNet-50.

``lookalike-eval runtimes`` times one thread, batch 1 and 8, float32
pinned: our network in OpenVINO, with the locator (what the product runs) and alone, in ONNX Runtime
and torch, and torchvision's ResNet-50 at 288 pixels, the size of the best public descriptor, in
OpenVINO. All run in turn, round after round, so that a busy machine slows them alike; medians are
reported. Needs the development packages.

It knows networks as callables; nothing of images or codes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
import torch
import torchvision
from numpy.typing import NDArray
from rich.table import Table

from embeddings.network import checkpoint
from embeddings.network.preparing.locating import SIDE
from embeddings.network.runtimes.openvino_graph import OpenVinoNetwork
from embeddings.network.runtimes.torch_module import Lite0
from embeddings.network.runtimes.torch_network import TorchNetwork, network_of

BATCHES: Final = (1, 8)
RESNET_SIDE: Final = 288

Run = Callable[[], object]


class _Descriptors(torch.nn.Module):
    """The network with one output: what a converter can trace."""

    def __init__(self, network: Lite0) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images).descriptors  # type: ignore[no-any-return]  # modules return Any


def _onnx_runtime(loaded: checkpoint.Checkpoint) -> Callable[[NDArray[np.float32]], object]:
    import onnxruntime

    network, side = _Descriptors(network_of(loaded)), loaded.info.detail
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, side, side),),
            path,
            dynamo=False,
            input_names=["images"],
            dynamic_axes={"images": {0: "n"}},
        )
        graph = path.read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})


def _resnet() -> Callable[[NDArray[np.float32]], object]:
    example = torch.zeros(1, 3, RESNET_SIDE, RESNET_SIDE)
    model = ov.convert_model(torchvision.models.resnet50().eval(), example_input=example)
    compiled = ov.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request = compiled.create_infer_request()
    return lambda images: request.infer([images], share_inputs=True)


def measure(rounds: int = 15) -> list[dict[str, object]]:
    """Milliseconds an image for each network, runtime and batch: the median of ``rounds``."""
    torch.set_num_threads(1)
    loaded = checkpoint.load()
    rng = np.random.default_rng(0)
    openvino, pytorch = OpenVinoNetwork(loaded, 1), TorchNetwork(loaded, "cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and its exporter deprecate the tracing they share
        onnx, resnet = _onnx_runtime(loaded), _resnet()
    rows: list[dict[str, object]] = []
    for batch in BATCHES:
        detail = loaded.info.detail
        pixels = rng.integers(0, 255, (batch, detail, detail, 3), dtype=np.uint8)
        floats = rng.normal(size=(batch, 3, detail, detail)).astype(np.float32)
        large = rng.normal(size=(batch, 3, RESNET_SIDE, RESNET_SIDE)).astype(np.float32)
        glances = rng.integers(0, 255, (batch, SIDE, SIDE, 3), dtype=np.uint8)
        runs: dict[tuple[str, str], Run] = {
            (f"{loaded.info.space} and locator", "OpenVINO"): partial(
                _both, openvino, glances, pixels
            ),
            (loaded.info.space, "OpenVINO"): partial(openvino, pixels),
            (loaded.info.space, "ONNX Runtime"): partial(onnx, floats),
            (loaded.info.space, "torch"): partial(pytorch, pixels),
            (f"ResNet-50, {RESNET_SIDE} px", "OpenVINO"): partial(resnet, large),
        }
        times = _in_turn(list(runs.values()), rounds)
        first = statistics.median(times[0])
        rows += [
            {
                "network": network,
                "runtime": runtime,
                "batch": batch,
                "ms_per_image": statistics.median(taken) * 1000 / batch,
                "ratio": statistics.median(taken) / first,
            }
            for (network, runtime), taken in zip(runs, times, strict=True)
        ]
    return rows


def _both(
    network: OpenVinoNetwork, glances: NDArray[np.uint8], pixels: NDArray[np.uint8]
) -> object:
    return network.locate(glances), network(pixels)


def _in_turn(runs: list[Run], rounds: int) -> list[list[float]]:
    """Seconds of each run, round after round; the first two rounds warm up."""
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + 2):
        for place, run in enumerate(runs):
            began = time.perf_counter()
            run()
            if turn >= 2:
                times[place].append(time.perf_counter() - began)
    return times


def table(rows: list[dict[str, object]]) -> Table:
    """What ``measure`` found for a terminal of 100 columns."""
    shown = Table("network", "runtime", "batch", "ms an image", "to ours", title="one thread, f32")
    for row in rows:
        shown.add_row(
            str(row["network"]),
            str(row["runtime"]),
            str(row["batch"]),
            f"{row['ms_per_image']:.1f}",
            f"{row['ratio']:.2f}x",
        )
    return shown
