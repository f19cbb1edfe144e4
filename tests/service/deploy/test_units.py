"""The container, the compose file and the systemd unit of ``deploy/``, read and rated."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def test_systemd_takes_the_unit_and_finds_it_confined(tmp_path: Path) -> None:
    """Its own program reads every line, and rates what is left open at 2 of 10 or less."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    text = (DEPLOY / "lookalike.service").read_text()
    program = "/opt/lookalike/bin/lookalike"
    assert f"ExecStart={program} serve" in text
    unit = tmp_path / "lookalike.service"
    unit.write_text(text.replace(program, "/bin/true"))
    read = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (read.returncode, read.stderr) == (0, "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout[-400:]


def test_the_container_runs_without_rights() -> None:
    """What is built is what CI installs; no root, no writing but to the volume, a health check."""
    text = (DEPLOY / "Containerfile").read_text()
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text, re.MULTILINE)
    assert stages == [("${BASE}", "build"), ("${BASE}", "")]
    last = text.split("FROM ${BASE}\n")[-1]
    assert "RUN deploy/install /opt/lookalike" in text
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", last, re.MULTILINE)
    assert "COPY . ." not in last
    assert "ADMIN_KEY" not in text


def test_replicas_are_confined_and_share_nothing_but_the_database(compose: dict[str, Any]) -> None:
    """A read-only root, no capabilities, an index of their own, and no secret in the file."""
    services = compose["services"]
    replicas = [services["lookalike-a"], services["lookalike-b"]]
    for one in replicas:
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in one["security_opt"]
        assert one["mem_limit"]
        assert "ports" not in one
        assert "tables" in one["depends_on"]
    volumes = [one["volumes"][0].partition(":")[0] for one in replicas]
    assert len(set(volumes)) == 2
    assert {*volumes, "database", "tables", "proxy"} == set(compose["volumes"])
    assert services["tables"]["command"] == ["init"]
    assert services["database"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database"
    assert [one for one in services.values() if "ports" in one] == [services["proxy"]]


def test_the_proxy_of_the_compose_file_knows_the_replicas(compose: dict[str, Any]) -> None:
    """And Prometheus asks the same."""
    proxy = compose["services"]["proxy"]
    upstreams = proxy["environment"]["LOOKALIKE_UPSTREAMS"].split()
    assert [one.partition(":")[0] for one in upstreams] == ["lookalike-a", "lookalike-b"]
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == upstreams
    assert all(name in compose["services"] for name in ("lookalike-a", "lookalike-b"))
    trusted = compose["x-replica"]["environment"]["LOOKALIKE_TRUSTED_PROXIES"]
    assert compose["networks"]["inside"]["ipam"]["config"] == [{"subnet": trusted}]
