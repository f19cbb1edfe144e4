"""Whatever is uploaded: a named 4xx or an answer, never a 500, and the server goes on."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A server that has something to compare with, so that it is ready."""
    started = serve()
    with started.client() as client:
        client.post("/v1/banks", json={"name": "a"}).raise_for_status()
        entry = {"signals": {"sha256": "00" * 32}}
        client.post("/v1/banks/a/entries", json=entry).raise_for_status()
    return started


def encoded(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header announces a size and which holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b"")):
        out += struct.pack(">I", len(body)) + name + body
        out += struct.pack(">I", zlib.crc32(name + body))
    return out


def bad_files(pictures: Pictures) -> dict[str, tuple[bytes, int, str]]:
    """Name to file, status and code."""
    photo = pictures.photo
    return {
        "no bytes": (b"", 400, "empty_file"),
        "text": (b"just some text, whatever its name says", 415, "unsupported_image"),
        "zeros": (bytes(5000), 415, "unsupported_image"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_image"),
        "a PNG's first bytes": (b"\x89PNG\r\n\x1a\n", 422, "unreadable_image"),
        "half a JPEG": (pictures.jpeg(photo)[:3000], 422, "unreadable_image"),
        "half a PNG": (pictures.png(photo)[:20_000], 422, "unreadable_image"),
        "100 megapixels": (png_of_size(10_000, 10_000), 413, "too_many_pixels"),
        "4 gigapixels": (png_of_size(2**16, 2**16), 413, "too_many_pixels"),
        "more bytes than allowed": (bytes(2**22 + 1), 413, "file_too_large"),
        "far more bytes than allowed": (bytes(2**24), 413, "file_too_large"),
    }


def test_bad_files_are_named(serve: object, pictures: Pictures) -> None:
    """Each refusal has its status and code, on all three routes that take a file."""
    served: Served = serve(max_upload_bytes=2**22)  # type: ignore[operator]
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        for name, (data, status, code) in bad_files(pictures).items():
            for path in ("/v1/match", "/v1/fingerprint", "/v1/banks/A/entries"):
                answer = client.post(path, files={"file": ("cat.jpg", data)})
                told = (answer.status_code, answer.json().get("code"))
                assert told == (status, code), (name, path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
        assert client.get("/v1/banks/A/entries").json()["entries"] == []
        good = client.post("/v1/match", files={"file": pictures.png(pictures.photo)})
        assert good.json()["verdict"] == "none"


def test_odd_but_valid_files_are_answered(served: Served, pictures: Pictures) -> None:
    """Tiny, animated, 16-bit, CMYK, palette, transparent, rotated by EXIF, misnamed: all
    answers."""
    photo = Image.fromarray(pictures.photo)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    deep = Image.fromarray(np.asarray(photo.convert("L"), np.uint16) * 257)
    odd = {
        "1x1": encoded(Image.new("RGB", (1, 1), (9, 9, 9)), "PNG"),
        "animated": encoded(photo, "GIF", save_all=True, append_images=[photo.rotate(90)] * 2),
        "16-bit": encoded(deep, "PNG"),
        "CMYK": encoded(photo.convert("CMYK"), "JPEG"),
        "palette": encoded(photo.quantize(16), "PNG"),
        "transparent": encoded(photo.convert("RGBA"), "PNG"),
        "rotated": encoded(photo, "JPEG", exif=rotated),
        "WebP": encoded(photo, "WEBP"),
        "TIFF": encoded(photo, "TIFF"),
        "BMP": encoded(photo, "BMP"),
    }
    with served.client() as client:
        for name, data in odd.items():
            answer = client.post("/v1/match", files={"file": ("x.txt", data)})
            assert answer.status_code == 200, (name, answer.text)
            coverage = "digests_only" if name == "1x1" else "full"
            assert answer.json()["coverage"] == coverage, name


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_never_fail_the_server(served: Served, pictures: Pictures, seed: int) -> None:
    """Random changes to valid files give an answer or a named 4xx."""
    rng = random.Random(seed)
    small = pictures.photo[::2, ::2].copy()
    originals = [pictures.png(small), pictures.jpeg(small)]
    originals += [encoded(Image.fromarray(small), kind) for kind in ("WEBP", "GIF", "TIFF", "BMP")]
    with served.client() as client:
        for _ in range(20):
            data = bytearray(rng.choice(originals))
            for _ in range(rng.choice((1, 3, 30))):
                reach = min(len(data), rng.choice((64, len(data))))
                data[rng.randrange(reach)] = rng.randrange(256)
            answer = client.post("/v1/match", files={"file": ("x", bytes(data))})
            assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.text
            assert answer.status_code == 200 or answer.json()["code"] != "internal_error"
        assert client.get("/readyz").status_code == 200
