"""Metrics, alerts, dashboard and log: what the documents name exists, and the programs take it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Pictures, Served

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
SUFFIX = re.compile(r"_(bucket|sum|count|created)$")


def scraped(served: Served) -> str:
    with served.client() as client:
        return client.get("/metrics").text


@pytest.fixture
def busy(served: Served, pictures: Pictures) -> Served:
    """A service that was asked everything once, so that every metric has a value."""
    image = pictures.png(pictures.photo)
    other = pictures.png(np.ascontiguousarray(pictures.photo[100:, 120:, ::-1]))
    with served.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        client.post("/v1/banks/A/imports?provider=p&list=l", content=b"sha256\n" + b"0" * 64)
        client.post("/v1/banks/A/entries", files={"file": image})
        for file in (image, other, b"no image"):
            client.post("/v1/match", files={"file": file})
    served.services.metrics.note_lists({"A": served.store.versions("A")})
    return served


def test_every_metric_is_documented(busy: Served) -> None:
    """And what is documented exists, with these labels."""
    text = scraped(busy)
    types = dict(re.findall(r"^# TYPE (lookalike_\w+) (\w+)$", text, re.MULTILINE))
    said = {name for name, kind in types.items() if not name.endswith("_created")}
    rows = re.findall(
        r"^\| `(lookalike_\w+)` \| ([^|]*?) ?\|",
        (ROOT / "docs/metrics.md").read_text(),
        re.MULTILINE,
    )
    assert {name for name, _ in rows} == said
    for name, labels in rows:
        shown = re.findall(rf"^{name}(?:_count)?(?:{{(.*)}})? ", text, re.MULTILINE)
        if name == "lookalike_door_refused_total" or shown:
            found = set(re.findall(r'(\w+)="', shown[0] if shown else 'code="'))
            assert found == set(re.findall(r"`(\w+)`", labels)), name


def test_what_was_asked_is_counted(busy: Served) -> None:
    """Stages, matches by bank and verdict, refusals by reason, the age of lists."""
    text = scraped(busy)
    assert 'lookalike_bank_matches_total{bank="A",verdict="block"} 1.0' in text
    assert 'lookalike_refusals_total{code="unsupported_image"} 1.0' in text
    assert re.search(r'lookalike_stage_seconds_count\{stage="fingerprint"\} [3-9]', text)
    assert re.search(r'lookalike_stage_seconds_count\{stage="wait"\} [3-9]', text)
    assert re.search(
        r'activated_timestamp_seconds\{bank="A",list="l",provider="p"\} 1\.\d+e\+09', text
    )
    assert "lookalike_ready 1.0" in text


@pytest.mark.parametrize("name", ["prometheus-alerts.yml", "grafana-dashboard.json"])
def test_alerts_and_dashboard_ask_for_what_there_is(busy: Served, name: str) -> None:
    """Every metric that an expression names is one the service shows."""
    text = scraped(busy)
    known = set(re.findall(r"^(lookalike_\w+)[ {]", text, re.MULTILINE))
    known |= set(re.findall(r"^# TYPE (lookalike_\w+) ", text, re.MULTILINE))
    asked = set(re.findall(r"lookalike_\w+", (DEPLOY / name).read_text()))
    assert asked
    assert asked <= known


def test_the_dashboard_is_one() -> None:
    """Panels have data, names of their own and places that do not overlap."""
    document = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    panels = document["panels"]
    assert document["schemaVersion"] >= 36
    assert (
        len({one["id"] for one in panels}) == len({one["title"] for one in panels}) == len(panels)
    )
    taken = set[tuple[int, int]]()
    for one in panels:
        place = one["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert all(target["expr"] for target in one["targets"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "prometheus-alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "prometheus-alerts-test.yml"),
    ],
    ids=["rules", "config", "firing"],
)
def test_prometheus_takes_them(arguments: tuple[str, ...]) -> None:
    """Its own program reads them, and the gravest alerts fire when they should."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool: Debian's package prometheus has it")
    done = subprocess.run(
        ["promtool", *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_metrics_are_in_prometheus_form(busy: Served) -> None:
    """As its own program reads them."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool: Debian's package prometheus has it")
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=scraped(busy),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "error" not in done.stderr.lower(), done.stderr
