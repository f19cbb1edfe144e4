"""An imagery checkpoint is read whole or refused by name."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from embeddings.errors import CheckpointError
from embeddings.network import imagery_checkpoint
from embeddings.network.imagery_checkpoint import (
    FORMAT,
    IMAGERY_CHECKPOINT,
    SHAPES,
    ImageryCheckpoint,
    ImageryInfo,
)

INFO = ImageryInfo("test-0", 176, 85, 64, 127.0, 128.0, (0.2, 0.8), {"auroc": 0.5}, "random")


def random_tensors() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in SHAPES.items()}


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    """Within float16's precision, whatever the strides of the arrays in memory."""
    tensors = random_tensors()
    name = "blocks.3.expand.weight"
    tensors[name] = np.asfortranarray(tensors[name])
    imagery_checkpoint.save(ImageryCheckpoint(INFO, tensors), tmp_path / "model.safetensors")
    read = imagery_checkpoint.load(tmp_path / "model.safetensors")
    assert read.info == INFO
    assert read.tensors.keys() == tensors.keys()
    for key, tensor in tensors.items():
        np.testing.assert_allclose(read.tensors[key], tensor, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_what_float16_cannot_hold_is_refused(tmp_path: Path, value: float) -> None:
    tensors = random_tensors()
    tensors["evidence.bias"][0] = value
    with pytest.raises(CheckpointError, match=r"evidence\.bias"):
        imagery_checkpoint.save(ImageryCheckpoint(INFO, tensors), tmp_path / "model.safetensors")


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = random_tensors()
    del tensors["certainty.bias"]
    with pytest.raises(CheckpointError, match=r"certainty\.bias"):
        imagery_checkpoint.save(ImageryCheckpoint(INFO, tensors), tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "metadata"),
        ({"lookalike-imagery": "{"}, "metadata"),
        ({"lookalike-imagery": json.dumps({"format": "another"})}, FORMAT),
        ({"lookalike-imagery": json.dumps({"format": FORMAT, "name": "x"})}, "metadata"),
    ],
)
def test_metadata_that_is_not_a_models_is_refused(
    tmp_path: Path, metadata: dict[str, str], reason: str
) -> None:
    half = {name: np.asarray(tensor, np.float16) for name, tensor in random_tensors().items()}
    save_file(half, tmp_path / "model.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match=reason):
        imagery_checkpoint.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("bounds", [(0.8, 0.2), (-0.1, 0.5), (0.5, 1.1)])
def test_bounds_that_do_not_rise_within_0_and_1_are_refused(
    tmp_path: Path, bounds: tuple[float, float]
) -> None:
    half = {name: np.asarray(tensor, np.float16) for name, tensor in random_tensors().items()}
    document = {"format": FORMAT, "digest": "", **asdict(replace(INFO, bounds=bounds))}
    metadata = {"lookalike-imagery": json.dumps(document)}
    save_file(half, tmp_path / "model.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match="bounds"):
        imagery_checkpoint.load(tmp_path / "model.safetensors")


def test_a_single_flipped_bit_is_refused(tmp_path: Path) -> None:
    """Anywhere among the tensors: a damaged score would be believed."""
    whole = bytearray(IMAGERY_CHECKPOINT.read_bytes())
    path = tmp_path / "model.safetensors"
    for place in (len(whole) - 1, len(whole) // 2, len(whole) // 3):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="not those it was saved with"):
            imagery_checkpoint.load(path)


@pytest.mark.parametrize("kept", [0, 7, 1000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    (tmp_path / "model.safetensors").write_bytes(IMAGERY_CHECKPOINT.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="not a readable imagery checkpoint"):
        imagery_checkpoint.load(tmp_path / "model.safetensors")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent\.safetensors"):
        imagery_checkpoint.load(tmp_path / "absent.safetensors")


def test_the_shipped_checkpoint_says_what_it_is() -> None:
    """In ten megabytes at most."""
    info = imagery_checkpoint.load().info
    assert info.name in IMAGERY_CHECKPOINT.name
    assert info.data
    assert info.metrics
    assert 0 < info.bounds[0] < 0.5 < info.bounds[1] < 1
    assert IMAGERY_CHECKPOINT.stat().st_size <= 10 * 2**20
