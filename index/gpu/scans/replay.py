"""Small batches as a CUDA graph: copy in, compare, copy out, started by one call

Starting a kernel costs the host several microseconds, and a batch of one needs a dozen copies and
kernels; recorded once, they start together. A recording holds addresses, so it is made anew when
memory moved (``Slabs.version``); how many rows are filled is read by the kernels themselves, so
adding rows within what there is room for needs none. Without CUDA, and wherever recording fails,
an answer is not ``complete`` and the ordinary way is taken. It knows keys; not ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from embeddings.codes import Codes
from index.gpu.rows.slabs import WORDS, Slabs, words_of
from index.gpu.scans.batch import NEVER, Batch, padded
from index.gpu.scans.keys import POISON, Keys
from index.gpu.scans.scanning import ScanEngine

MOST_QUERIES: Final = 16
"""Queries a recording takes at most."""

_FETCHED: Final = 4096
"""Keys copied out with every answer; more take the ordinary way."""
_SLOTS: Final = 4096
"""Groups a recording has room for."""


@dataclass(frozen=True, eq=False)
class Replayed:
    """What a recording answered."""

    keys: Keys
    complete: bool
    """Whether ``keys`` are all there are; if not, they are none."""


_NOT: Final = Replayed(np.empty(0, np.int64), complete=False)


class Replays:
    """The recordings of one device."""

    def __init__(self, slabs: Slabs, engine: ScanEngine, stream: torch.cuda.Stream | None) -> None:
        self._slabs, self._engine, self._stream = slabs, engine, stream
        self._recorded: dict[tuple[int, int], _Recording] = {}
        self._version = -1
        self.trouble = ""
        """Why nothing is recorded any more; empty while recording works."""
        self.replayed = 0
        """Answers given so far."""

    def poison(self) -> None:
        """Fill all buffers with what is no key: for benchmarks, before a search."""
        for recording in self._recorded.values():
            recording.poison()

    def answer(self, codes: Codes, bound: int, radii: NDArray[np.int32]) -> Replayed:
        """The keys of all rows within ``bound`` and ``radii`` of ``codes``."""
        if self._stream is None or not self._engine.recordable or self.trouble:
            return _NOT
        if not 0 < len(codes) <= MOST_QUERIES or len(radii) > _SLOTS or not self._slabs.slabs:
            return _NOT
        if self._version != self._slabs.version:
            self._recorded.clear()
            self._version = self._slabs.version
        key = padded(len(codes)), self._engine.planes(bound)
        try:
            if key not in self._recorded:
                self._recorded[key] = _Recording(
                    self._slabs, self._engine, self._stream, key[0], bound
                )
            answer = self._recorded[key].replay(codes, bound, radii)
        except RuntimeError as error:
            self.trouble = f"small batches are not recorded: {error}"
            self._recorded.clear()
            return _NOT
        self.replayed += answer.complete
        return answer


def recorded(work: Callable[[], None], stream: torch.cuda.Stream) -> Callable[[], None]:
    """What starts everything at once that ``work`` starts on ``stream``."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        work()
    return graph.replay


class _Recording:
    """One size of batch, one number of planes read first."""

    def __init__(
        self, slabs: Slabs, engine: ScanEngine, stream: torch.cuda.Stream, queries: int, bound: int
    ) -> None:
        self._stream = stream
        # Words, bounds and radii travel together.
        pinned = torch.cuda.is_available()
        size = queries * (WORDS + 1) + _SLOTS
        self._asked = torch.zeros(size, dtype=torch.int32, pin_memory=pinned)
        self._answer = torch.empty(1 + _FETCHED, dtype=torch.int64, pin_memory=pinned)
        inputs = torch.zeros_like(self._asked, device=slabs.device)
        self._out = torch.empty(1 + _FETCHED, dtype=torch.int64, device=slabs.device)
        words, bounds = inputs[: queries * WORDS], inputs[queries * WORDS : queries * (WORDS + 1)]
        radii = inputs[queries * (WORDS + 1) :]
        self._queries = queries
        # Everything a kernel is told of by address must stay where it is.
        batch = Batch(queries, words.view(queries, WORDS), bounds, radii, bound)
        self._asked[queries * WORDS : queries * (WORDS + 1)] = NEVER

        def work() -> None:
            inputs.copy_(self._asked, non_blocking=True)
            self._out[:1].zero_()
            for slab in slabs.slabs:
                engine.sift_all(slab, batch, self._out)
            self._answer.copy_(self._out, non_blocking=True)

        work()  # compiles what is not compiled yet, which a recording must not do
        stream.synchronize()
        self._replay = recorded(work, stream)

    def poison(self) -> None:
        self._out.fill_(POISON)
        self._answer.fill_(POISON)

    def replay(self, codes: Codes, bound: int, radii: NDArray[np.int32]) -> Replayed:
        count, words = len(codes), self._queries * WORDS
        asked = self._asked.numpy()
        asked[: count * WORDS] = words_of(codes).reshape(-1)
        asked[words : words + count] = bound
        asked[words + count : words + self._queries] = NEVER
        asked[words + self._queries : words + self._queries + len(radii)] = radii
        self._replay()
        self._stream.synchronize()
        answer = self._answer.numpy()
        found = int(answer[0])
        if found > _FETCHED:
            return _NOT
        return Replayed(answer[1 : 1 + found].copy(), complete=True)
