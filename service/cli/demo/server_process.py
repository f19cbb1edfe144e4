"""The real service in a process of its own, for the demo and the benchmarks.

It is started through the same command that an operator uses, on a free port of the loopback
interface, and is gone when the block ends, however it ends. It knows no route but ``/readyz``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.domain.errors import ServiceError

if TYPE_CHECKING:
    import httpx

_READY_WITHIN: Final = 180.0
"""Seconds: where the searches were never compiled, that is done first, on a slow machine in a
minute or two."""
_GONE_WITHIN: Final = 15.0
"""Seconds, before it is killed."""
_KEPT: Final = frozenset({"LOOKALIKE_DEVICE"})
"""Settings that the server inherits; any other would make it serve something else than asked."""


class ServerFailedError(ServiceError):
    """The service did not start; the message ends with what it said last."""

    code = "server_failed"


@dataclass(frozen=True)
class Server:
    """A running service."""

    url: str
    admin_key: str
    data: Path
    """The folder of its store."""

    def client(self) -> httpx.Client:
        """An HTTP client that may do everything."""
        import httpx

        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.admin_key}"},
            timeout=30,
            trust_env=False,  # a proxy has no business on the loopback interface
        )


@contextlib.contextmanager
def running_server(**settings: str) -> Iterator[Server]:
    """A service on an empty store of its own, with ``settings`` by their names in ``Settings``.

    Raises ``ServerFailedError``.
    """
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder, socket.socket() as free:
        # Held until just before the server binds it, so that nobody else is likely to.
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        data = Path(folder, "data")
        server = Server(f"http://127.0.0.1:{port}", secrets.token_urlsafe(24), data)
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LOOKALIKE_") or name in _KEPT
        }
        environment |= {f"LOOKALIKE_{name.upper()}": text for name, text in settings.items()}
        environment["LOOKALIKE_ADMIN_KEY"] = server.admin_key
        environment["LOOKALIKE_ALLOW_EMPTY"] = "1"  # whoever runs it fills it
        said = Path(folder, "server.log")
        command = [sys.executable, "-m", "service.cli", "serve", "--port", str(port)]
        free.close()
        with said.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "--data", str(data)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            _wait_until_ready(process, server, said)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(_GONE_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], server: Server, said: Path) -> None:
    import httpx

    deadline = time.monotonic() + _READY_WITHIN
    with server.client() as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerFailedError(f"the service ended at once: {_last_words(said)}")
            with contextlib.suppress(httpx.TransportError):
                if client.get("/readyz").is_success:
                    return
            time.sleep(0.05)
    raise ServerFailedError(f"not ready within {_READY_WITHIN:.0f} s: {_last_words(said)}")


def _last_words(said: Path) -> str:
    lines = said.read_text(errors="replace").strip().splitlines()
    return "\n".join(lines[-8:]) or "it said nothing"
