"""Real parts, small: a store on disk, a model that is a thumbnail, a server on a free port."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import skimage.data
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image

from embeddings import codes
from embeddings.checkpoint import ModelInfo
from embeddings.encoder import Encoded
from embeddings.fingerprint import Fingerprinter
from embeddings.images import ImageLimits
from service.app import create_app
from service.door import listening
from service.services import Services
from service.settings import Settings, load_settings
from service.store import Role, Store, open_store

ADMIN_KEY = "an admin key for tests"
SPACE = "thumbnail-256-0"


class ThumbnailEncoder:
    """A code that needs no network: which of 16 x 16 grey cells are brighter than the mean."""

    info = ModelInfo(
        space=SPACE,
        detail=16,
        input_size=16,
        mean=0.0,
        scale=1.0,
        radii={"photographic": 20, "non_photographic": 12, "any": 16},
        photographic_bounds=(0.3, 0.7),
        metrics={},
        data="none",
    )
    device = "cpu (thumbnail)"

    def encode(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        small = [Image.fromarray(image).convert("L").resize((16, 16)) for image in images]
        grey = np.stack([np.asarray(one, np.float32).reshape(-1) for one in small])
        descriptors = grey - grey.mean(axis=1, keepdims=True)
        # Colour stands for "photograph": enough to have a score on both sides of the bounds.
        spread = [float(np.ptp(image.mean(axis=(0, 1)))) for image in images]
        photographic = np.minimum(np.array(spread, np.float32) / 20, 1)
        return Encoded(codes.from_descriptors(descriptors), descriptors, photographic)


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
            assert app.state.services.engine.wait_loaded(60)
            yield url
        finally:
            server.should_exit = True
            thread.join()


def thumbnails() -> Fingerprinter:
    """Everything of a fingerprint is real but the code."""
    return Fingerprinter([ThumbnailEncoder()], ImageLimits(max_bytes=2**22, max_pixels=2**24))


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
        opened = open_store(tmp_path / folder)
        running.append(opened.close)
        made = settings_for(tmp_path / folder, **settings)
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
        engine = app.state.services.engine
        monkeypatch.setattr(engine, "sync", gate.wait)
        monkeypatch.setattr(engine, "wait_loaded", lambda _: True)
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
    """A photograph that scikit-image ships, and ways to make files of it."""
    astronaut: NDArray[np.uint8] = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    return Pictures(np.ascontiguousarray(astronaut[::2, ::2]))
