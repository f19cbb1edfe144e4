"""Files through a function, several at once, answers in order: what ``hash`` and ``match`` share.

It knows files and failures; not what the function makes of the bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from embeddings.cores import available_cores
from embeddings.errors import ImageError
from service.cli import files

_T = TypeVar("_T")


@dataclass(frozen=True)
class Failure:
    """Why nothing could be made of a file."""

    code: str
    message: str


@dataclass(frozen=True)
class FileResult(Generic[_T]):
    """What became of one file."""

    path: Path
    outcome: _T | Failure

    def failure_json(self) -> dict[str, object]:
        """The line of JSON for a file that failed; empty for one that did not."""
        if not isinstance(self.outcome, Failure):
            return {}
        error = {"code": self.outcome.code, "message": self.outcome.message}
        return {"path": str(self.path), "error": error}


def each_file(
    paths: Iterable[Path], work: Callable[[bytes], _T], max_bytes: int
) -> Iterator[FileResult[_T]]:
    """Do ``work`` on each file's bytes, on as many threads as there are cores.

    Answers come in the order of ``paths``; at most twice as many files as threads are held at any
    time. An ``ImageError`` or an unreadable file becomes a ``Failure``; other errors are raised.
    """

    def one(path: Path) -> FileResult[_T]:
        try:
            return FileResult(path, work(files.read(path, max_bytes)))
        except (ImageError, files.FileUnreadableError) as error:
            return FileResult(path, Failure(error.code, str(error)))

    threads = available_cores()
    waiting: deque[Future[FileResult[_T]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for path in paths:
            waiting.append(pool.submit(one, path))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Interrupted: what waits is dropped, what runs is a few images.
        pool.shutdown(wait=True, cancel_futures=True)
