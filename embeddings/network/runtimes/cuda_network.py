"""The network at a CUDA device's pace: half precision, recorded graphs, uploads that overlap.

Convolutions are computed in ``precision``, channels last; pooling and heads in float32, as the
code's signs are decided there. On CUDA every size of batch in ``SIZES`` is recorded as a graph when
it is first used, batches are padded to the next size, and while one is computed the next is copied
to the device through pinned memory. Without CUDA the same arithmetic runs as it is called, for
tests. It knows prepared images and a checkpoint; not where images come from.

``torch_network`` computes in float32 and gives the CPU's codes; here some bits near zero differ:
see docs/gpu.md for how many, and for who should use which.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embeddings.errors import DeviceError
from embeddings.network.checkpoint import DEFAULT_CHECKPOINT, Checkpoint, load
from embeddings.network.encoder import NetworkEncoder
from embeddings.network.runtimes.torch_network import FULL_FLOATS, TorchLocator, network_of

Precision = Literal["float32", "bfloat16", "float16"]

SIZES: Final = (1, 8, 32, 128, 256)
"""Images in a batch, as recorded."""

_TYPES: Final = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def open_cuda_encoder(
    precision: Precision = "float16", path: Path = DEFAULT_CHECKPOINT, device: str = "cuda"
) -> NetworkEncoder:
    """An encoder for backlogs, of the checkpoint at ``path``, on a CUDA device.

    Raises ``CheckpointError`` or ``DeviceError``.
    """
    checkpoint = load(path)
    network = CudaNetwork(checkpoint, device, precision)
    return NetworkEncoder(checkpoint.info, network, f"{device} (torch, {precision})", 4 * SIZES[-1])


class CudaNetwork:
    """A checkpoint in torch in ``precision``. Safe to call from several threads, one at a time."""

    def __init__(
        self, checkpoint: Checkpoint, device: str = "cuda", precision: Precision = "float16"
    ) -> None:
        if precision not in _TYPES:
            raise DeviceError(f"precision must be one of {', '.join(_TYPES)}, not {precision!r}")
        self._device = torch.device(device)
        if self._device.type == "cuda" and not torch.cuda.is_available():
            raise DeviceError(f"device {device} was asked for, and torch sees no CUDA device")
        self._info, self._type = checkpoint.info, _TYPES[precision]
        # In float32 whatever the precision: a page found or not is more than a bit.
        self._locator = TorchLocator(
            checkpoint.info.mean, checkpoint.info.scale, checkpoint.tensors, device
        )
        network = network_of(checkpoint)
        network.entries.to(dtype=self._type)
        # What is pooled in half precision still meets heads of full precision.
        for part in network.children():
            if isinstance(part, nn.Linear):
                part.register_forward_pre_hook(_widened)
        self._network = network.to(memory_format=torch.channels_last).to(self._device)
        self._recorded: dict[torch.Size, _Recording] = {}
        self._turn = threading.Lock()

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors, float32 (n, 256), of uint8 (n, s, s, 3)."""
        with self._turn:
            if self._device.type != "cuda":
                return _fetched([self.compute(torch.from_numpy(images).to(self._device))])
            return self._on_cuda(torch.from_numpy(images))

    def locate(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How much of each cell is the picture's, float32 (n, 24, 24), of uint8 (n, 96, 96, 3)."""
        with self._turn:  # nothing else may use the device while a graph is recorded
            return self._locator(images)

    def compute(self, images: Tensor) -> Tensor:
        """Descriptors of uint8 (n, s, s, 3) on the device; what a graph records."""
        assert images.shape[1:] == (self._info.detail, self._info.detail, 3), images.shape
        batch = images.permute(0, 3, 1, 2).to(torch.float32)
        batch = (batch - self._info.mean) / self._info.scale
        # TensorFloat-32 would make float32 mean something else; what is not named is switched off.
        with (
            FULL_FLOATS,
            torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False),
        ):
            outputs = self._network(batch)
        descriptors: Tensor = outputs.descriptors.float()
        return descriptors

    def _on_cuda(self, images: Tensor) -> NDArray[np.float32]:
        """Batch after batch: the next one is under way to the device while one is computed."""
        answers = []
        with torch.cuda.device(self._device):
            copying = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
            computing = torch.cuda.current_stream()
            ahead = [(part, self._upload(part, copying)) for part in _batches(images)]
            for part, (there, done) in ahead:
                computing.wait_event(done)
                there.record_stream(computing)
                answers.append(self._recording(there.shape).replay(there)[: len(part)])
            return _fetched(answers)

    def _upload(self, images: Tensor, stream: torch.cuda.Stream) -> tuple[Tensor, torch.cuda.Event]:
        """``images``, padded to one of ``SIZES``, on their way to the device."""
        size = next(size for size in SIZES if size >= len(images))
        pinned = torch.zeros((size, *images.shape[1:]), dtype=torch.uint8, pin_memory=True)
        pinned[: len(images)] = images
        with torch.cuda.stream(stream):
            there = pinned.to(self._device, non_blocking=True)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's
            done.record(stream)
        return there, done

    def _recording(self, shape: torch.Size) -> _Recording:
        if shape not in self._recorded:
            self._recorded[shape] = _Recording(self, torch.zeros(shape, dtype=torch.uint8))
        return self._recorded[shape]


class _Recording:
    """The network at one size of batch, as a CUDA graph; where that fails, as it is."""

    def __init__(self, network: CudaNetwork, example: Tensor) -> None:
        self._network = network
        self._input = example.cuda()
        self._graph: torch.cuda.CUDAGraph | None = None
        try:
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):  # algorithms are chosen before they are recorded
                for _ in range(3):
                    network.compute(self._input)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._output = network.compute(self._input)
            self._graph = graph
        except RuntimeError:
            torch.cuda.synchronize()

    def replay(self, images: Tensor) -> Tensor:
        if self._graph is None:
            return self._network.compute(images)
        self._input.copy_(images)
        self._graph.replay()
        # The next replay writes over its own output.
        return self._output.clone()


def _widened(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(value.float() for value in inputs)


def _batches(images: Tensor) -> Iterator[Tensor]:
    for start in range(0, len(images), SIZES[-1]):
        yield images[start : start + SIZES[-1]]


def _fetched(answers: Sequence[Tensor]) -> NDArray[np.float32]:
    descriptors: NDArray[np.float32] = torch.cat(list(answers)).cpu().numpy()
    return descriptors
