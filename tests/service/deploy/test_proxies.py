"""The proxies of ``deploy/``: read by their own programs, and run in front of the service."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

DEPLOY = Path(__file__).parents[3] / "deploy"
HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[httpx.Client]:
    """A proxy, as soon as it takes connections; a client that speaks TLS to it."""
    process = subprocess.Popen(command, env={**os.environ, **environment})
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    url = f"https://localhost:{port}"
    try:
        with httpx.Client(base_url=url, verify=unverified, trust_env=False, timeout=60) as client:
            while True:
                assert process.poll() is None
                try:
                    client.get("/livez")
                    break
                except httpx.TransportError:
                    continue
            yield client
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def nginx(tmp_path: Path) -> Callable[[str], tuple[list[str], int, Path]]:
    """From the service's address to nginx's command, port and log."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("no nginx: Debian's package nginx-light has it")

    def made(upstream: str) -> tuple[list[str], int, Path]:
        pem, key, port = tmp_path / "a.pem", tmp_path / "a.key", free_port()
        subject = ["-subj", "/CN=localhost", "-days", "1", "-keyout", str(key), "-out", str(pem)]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject],
            check=True,
            capture_output=True,
        )
        text = (DEPLOY / "nginx.conf").read_text()
        for theirs, ours in (
            ("/etc/nginx/tls/lookalike.pem", str(pem)),
            ("/etc/nginx/tls/lookalike.key", str(key)),
            ("/var/log/nginx/access.log", str(tmp_path / "access.log")),
            ("/run/nginx.pid", str(tmp_path / "nginx.pid")),
            ("127.0.0.1:8081", upstream),
            ("127.0.0.1:8082", upstream),
            ("listen 8443", f"listen 127.0.0.1:{port}"),
        ):
            assert theirs in text
            text = text.replace(theirs, ours)
        config = tmp_path / "nginx.conf"
        config.write_text(text)
        subprocess.run([program, "-t", "-c", str(config)], check=True, capture_output=True)
        command = [program, "-c", str(config), "-g", "daemon off;"]
        return command, port, tmp_path / "access.log"

    return made


def asked_through(client: httpx.Client, image: bytes) -> None:
    """What a proxy lets through, and what it does not."""
    key = {"Authorization": "Bearer an admin key for tests"}
    assert client.get("/readyz").status_code == 503  # nothing is listed yet
    client.post("/v1/banks", json={"name": "A"}, headers=key).raise_for_status()
    client.post("/v1/banks/A/entries", files={"file": image}, headers=key).raise_for_status()
    found = client.post("/v1/match", files={"file": image}, headers=key).json()
    assert found["verdict"] == "block"
    assert client.post("/v1/gate", content=image, headers=key).status_code == 451
    assert client.get("/metrics").status_code == 404
    spoofed = {"X-Forwarded-For": "10.9.9.9"}
    assert client.get(f"/hma/m/lookup?signal={HASH}", headers=spoofed).status_code == 401


def test_nginx_is_a_proxy(
    serve: Callable[..., Served],
    pictures: Pictures,
    nginx: Callable[[str], tuple[list[str], int, Path]],
) -> None:
    """TLS, uploads, no metrics, nobody's word for where they come from, no paths in its log."""
    served = serve(trusted_proxies="127.0.0.1", trusted_networks="10.0.0.0/8")
    command, port, log = nginx(served.url.removeprefix("http://"))
    with running(command, port) as client:
        asked_through(client, pictures.png(pictures.photo))
    lines = log.read_text()
    assert re.search(r"^\S+ 127\.0\.0\.1 POST 200 ", lines, re.MULTILINE)
    assert HASH not in lines
    assert "/v1" not in lines


def test_caddy_is_a_proxy(
    serve: Callable[..., Served],
    pictures: Pictures,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The same."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("no caddy: Debian's package caddy has it")
    served = serve(trusted_proxies="127.0.0.1", trusted_networks="10.0.0.0/8", allow_empty=False)
    port = free_port()
    config = tmp_path / "Caddyfile"
    # It sends nothing to a replica that is not ready, and the first thing here fills one.
    config.write_text((DEPLOY / "Caddyfile").read_text().replace("/readyz", "/livez"))
    environment = {
        "LOOKALIKE_PORT": str(port),
        "LOOKALIKE_UPSTREAMS": served.url.removeprefix("http://"),
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    command = [program, "run", "--adapter", "caddyfile", "--config", str(config)]
    with running(command, port, **environment) as client:
        asked_through(client, pictures.png(pictures.photo))
    said = capfd.readouterr().err
    assert "handled request" in said
    assert HASH not in said
    assert "an admin key" not in said


def test_caddy_reads_the_file_as_it_stands(tmp_path: Path) -> None:
    if shutil.which("caddy") is None:
        pytest.skip("no caddy: Debian's package caddy has it")
    done = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")],
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
