"""Real parts, small: a store on disk, a model that is a thumbnail, a server on a free port."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from pydantic import TypeAdapter

from embeddings import codes
from embeddings.files.images import ImageLimits
from embeddings.fingerprint import Fingerprinter
from embeddings.network.checkpoint import ModelInfo
from embeddings.network.encoder import Encoded
from embeddings.network.imagery_checkpoint import ImageryInfo
from evaluation.corpora import samples
from service.domain.settings import Settings, load_settings
from service.http.app import create_app
from service.http.connections import listening
from service.http.door.services import Services
from service.store import Role, Store, open_store

T = TypeVar("T")

ADMIN_KEY = "an admin key for tests"
SPACE = "thumbnail-256-0"


def conforming(shape: type[T], answer: object) -> T:
    """``answer``, which is of that shape."""
    return TypeAdapter(shape).validate_python(answer)


class ThumbnailEncoder:
    """A code that needs no network: which of 16 x 16 grey cells are brighter than the mean."""

    info = ModelInfo(
        space=SPACE,
        detail=16,
        input_size=16,
        mean=0.0,
        scale=1.0,
        radii={"photographic": 20, "non_photographic": 12, "any": 16},
        metrics={},
        data="none",
    )
    device = "cpu (thumbnail)"

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        small = [Image.fromarray(image).convert("L").resize((16, 16)) for image in images]
        grey = np.stack([np.asarray(one, np.float32).reshape(-1) for one in small])
        descriptors = grey - grey.mean(axis=1, keepdims=True)
        return Encoded(codes.from_descriptors(descriptors), descriptors)

    def encode_references(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        """The same: distances in these tests are those of the images."""
        return self.encode(images)


class ColourImagery:
    """Colour stands for "photograph": enough to have a score on both sides of the bounds."""

    info = ImageryInfo(
        name="colour-0",
        detail=16,
        quality=85,
        side=16,
        mean=0.0,
        scale=1.0,
        bounds=(0.3, 0.7),
        metrics={},
        data="none",
    )

    def photographic(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        spread = [float(np.ptp(image.mean(axis=(0, 1)))) for image in images]
        return np.minimum(np.array(spread, np.float32) / 20, 1)


@dataclass
class Served:
    """A running server."""

    url: str
    store: Store
    services: Services
    """The app's own parts, to get in the way of them."""

    def client(self, key: str = ADMIN_KEY) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            trust_env=False,
        )

    def client_with(self, *roles: Role) -> httpx.Client:
        with self.client() as admin:
            made = admin.post("/v1/keys", json={"name": "test", "roles": list(roles)})
        return self.client(made.raise_for_status().json()["key"])


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The base URL of ``app`` on a real server, its index loaded."""
    # Naming the protocol lets asyncio switch off Nagle, which costs 40 ms a request.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)  # so that clients may connect before the server is up
        server = uvicorn.Server(listening(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            httpx.get(f"{url}/livez", trust_env=False, timeout=60).raise_for_status()
            assert app.state.services.replica.wait_loaded(60)
            yield url
        finally:
            server.should_exit = True
            thread.join()


def thumbnails() -> Fingerprinter:
    """Everything of a fingerprint is real but the code and the imagery score."""
    limits = ImageLimits(max_bytes=2**22, max_pixels=2**24)
    return Fingerprinter([ThumbnailEncoder()], ColourImagery(), limits)


def settings_for(folder: Path, **more: object) -> Settings:
    return load_settings(data_dir=folder, admin_key=ADMIN_KEY, workers=2, **more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on disk."""
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a server on the test's store, under the settings given."""
    running: list[Callable[[], object]] = []

    def start(
        folder: str = "data", fingerprints: Fingerprinter | None = None, **settings: object
    ) -> Served:
        made = settings_for(tmp_path / folder, **settings)
        opened = open_store(made.data_dir, made.store_url, deadlines=made.deadlines)
        running.append(opened.close)
        app = create_app(made, store=opened, fingerprints=fingerprints or thumbnails())
        context = serving(app)
        url = context.__enter__()
        running.append(lambda: context.__exit__(None, None, None))
        return Served(url, opened, app.state.services)

    yield start
    for stop in reversed(running):
        stop()


@pytest.fixture
def serving_unloaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[FastAPI], object]:
    """Serves an app whose index is never loaded."""
    gate = threading.Event()

    @contextmanager
    def serve_it(app: FastAPI) -> Iterator[Served]:
        replica = app.state.services.replica
        monkeypatch.setattr(replica, "sync", gate.wait)
        monkeypatch.setattr(replica, "wait_loaded", lambda _: True)
        with serving(app) as url:
            yield Served(url, app.state.services.store, app.state.services)
            gate.set()

    return serve_it


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A server on an empty store."""
    return serve()


@dataclass(frozen=True)
class Pictures:
    """Images to send, as files."""

    photo: NDArray[np.uint8]
    """uint8 (h, w, 3), in colour."""

    def png(self, rgb: NDArray[np.uint8]) -> bytes:
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def jpeg(self, rgb: NDArray[np.uint8], quality: int = 90) -> bytes:
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, "JPEG", quality=quality)
        return out.getvalue()


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    """A photograph, and ways to make files of it."""
    return Pictures(np.array(samples.photograph("coffee").image.resize((256, 256))))


@dataclass(frozen=True)
class Postgres:
    """A server that this test session started, reached by a socket in ``folder``."""

    folder: Path
    numbers: Iterator[int]

    def new_schema(self, host: str | None = None) -> str:
        """The URL of a namespace of its own, which is quicker to have than a database; ``host``:
        with port, where it is not reached by its socket."""
        import psycopg

        name, server = f"store_{next(self.numbers)}", f"host={self.folder} user=postgres"
        with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        options = f"options=-csearch_path%3D{name}"
        if host is None:
            return f"postgresql://postgres@/postgres?host={self.folder}&{options}"
        return f"postgresql://postgres@{host}/postgres?{options}"

    def freeze(self) -> None:
        """Stop every process of the server: the kernel keeps its sockets open, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        parent = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(parent, number)  # it first, so that it starts no more
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for child in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server of our own, without TCP and without syncing to disk."""
    programs = _programs()
    # The server refuses to run as root; Debian's package makes this user.
    root = os.geteuid() == 0
    user = "postgres" if root else None
    if root and "postgres" not in {one.pw_name for one in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    if root:
        shutil.chown(folder, "postgres")
    data, options = folder / "data", f"-c listen_addresses= -c fsync=off -k {folder}"
    try:
        for command in (
            f"initdb -D {data} -U postgres -A trust --no-sync",
            f"pg_ctl -D {data} -w -l {folder}/log -o '{options}' start",
        ):
            _run(f"{programs}/{command}", user)
        yield Postgres(folder, count())
    finally:
        if (data / "postmaster.pid").exists():
            _run(f"{programs}/pg_ctl -D {data} -m immediate stop", user)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of this process."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def fragile_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that the tests of a module may freeze."""
    with postgres_server() as server:
        try:
            yield server
        finally:
            server.thaw()


def _run(command: str, user: str | None) -> None:
    subprocess.run(shlex.split(command), check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


def _programs() -> Path:
    """Where PostgreSQL's programs are; skips the test where they are not."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    if debian:
        return debian[-1].parent
    if found:
        return Path(found).resolve().parent
    pytest.skip("no initdb: install Debian's package postgresql to test on it")
