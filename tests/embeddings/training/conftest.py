"""A corpus of our own drawings in the shape of the training shards."""

from __future__ import annotations

import csv
import io
import signal
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from embeddings.network.preparing.locating import CELLS, Locate
from evaluation.corpora.samples import Sample, drawings, photographs


@pytest.fixture(autouse=True)
def _children_die_unheard() -> Iterator[None]:
    """Torch's loaders listen for the death of any child for as long as the process lives, and have
    crashed it when a later test's subprocess ended."""
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.fixture(scope="session")
def everywhere() -> Locate:
    """A locator that finds no pages."""
    return lambda images: np.ones((len(images), CELLS, CELLS), np.float32)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 samples in two shards with a manifest."""
    folder = tmp_path_factory.mktemp("corpus")
    samples = [*islice(photographs(), 8), *islice(drawings(), 16)]
    rows = [
        row
        for number, half in enumerate((samples[::2], samples[1::2]))
        for row in _write_shard(folder, f"train-{number:03}.tar", half)
    ]
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["shard", "name", "source", "kind", "style"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def _write_shard(folder: Path, shard: str, samples: list[Sample]) -> list[dict[str, str]]:
    rows = []
    with tarfile.open(folder / shard, "w") as archive:
        for sample in samples:
            data = io.BytesIO()
            small = sample.image.convert("RGB")
            small.thumbnail((120, 120))
            small.save(data, "JPEG")
            member = tarfile.TarInfo(f"{sample.name}.jpg")
            member.size = len(data.getvalue())
            archive.addfile(member, io.BytesIO(data.getvalue()))
            kind = "photo" if sample.kind == "photo" else "nonphoto"
            rows.append(
                {
                    "shard": shard,
                    "name": member.name,
                    "source": f"ours {kind}",
                    "kind": kind,
                    "style": kind,
                }
            )
    return rows
