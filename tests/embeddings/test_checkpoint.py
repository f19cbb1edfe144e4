"""A checkpoint is read whole or refused by name."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embeddings.errors import CheckpointError
from embeddings.network import checkpoint
from embeddings.network.checkpoint import DEFAULT_CHECKPOINT, FORMAT, SHAPES, Checkpoint, ModelInfo

INFO = ModelInfo(
    space="test-256-0",
    detail=48,
    input_size=64,
    mean=127.0,
    scale=128.0,
    radii={"photographic": 40, "non_photographic": 44, "any": 44},
    metrics={"recall": 0.5},
    data="drawn at random",
    looks=("whole", "middle"),
)


def random_tensors() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in SHAPES.items()}


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    """Within float16's precision, whatever the strides of the arrays in memory."""
    tensors = random_tensors()
    name = "blocks.3.expand.weight"
    tensors[name] = np.asfortranarray(tensors[name])
    checkpoint.save(Checkpoint(INFO, tensors), tmp_path / "model.safetensors")
    read = checkpoint.load(tmp_path / "model.safetensors")
    assert read.info == INFO
    assert read.tensors.keys() == tensors.keys()
    for key, tensor in tensors.items():
        np.testing.assert_allclose(read.tensors[key], tensor, rtol=1e-3, atol=1e-6)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = random_tensors()
    del tensors["head.bias"]
    with pytest.raises(CheckpointError, match=r"head\.bias"):
        checkpoint.save(Checkpoint(INFO, tensors), tmp_path / "model.safetensors")


def test_a_tensor_too_large_for_float16_is_refused(tmp_path: Path) -> None:
    tensors = random_tensors()
    tensors["head.bias"][3] = 1e6
    with pytest.raises(CheckpointError, match="float16"):
        checkpoint.save(Checkpoint(INFO, tensors), tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "metadata"),
        ({"lookalike": "{"}, "metadata"),
        ({"lookalike": json.dumps({"format": "another"})}, FORMAT),
        ({"lookalike": json.dumps({"format": FORMAT, "space": "x"})}, "metadata"),
    ],
)
def test_metadata_that_is_not_a_models_is_refused(
    tmp_path: Path, metadata: dict[str, str], reason: str
) -> None:
    half = {name: np.asarray(tensor, np.float16) for name, tensor in random_tensors().items()}
    save_file(half, tmp_path / "model.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match=reason):
        checkpoint.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    "looks", [[], ["whole", "whole"], ["whole", "sideways"], "whole", 2, None, [["whole"]]]
)
def test_looks_that_are_not_known_are_refused(tmp_path: Path, looks: object) -> None:
    """Neither written nor read."""
    info = replace(INFO, looks=looks)  # type: ignore[arg-type]  # as a file might have it
    path, refused = tmp_path / "model.safetensors", "looks must be different ones of whole, mirr"
    with pytest.raises(CheckpointError, match=refused):
        checkpoint.save(Checkpoint(info, random_tensors()), path)
    half = {name: np.asarray(tensor, np.float16) for name, tensor in random_tensors().items()}
    document = json.dumps({"format": FORMAT, **asdict(info)})
    save_file(half, path, metadata={"lookalike": document})
    with pytest.raises(CheckpointError, match=refused):
        checkpoint.load(path)


def test_radii_must_be_given_for_each_imagery(tmp_path: Path) -> None:
    info = replace(INFO, radii={"any": 40})
    checkpoint.save(Checkpoint(info, random_tensors()), tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="radii"):
        checkpoint.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("kept", [0, 7, 1000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    whole = DEFAULT_CHECKPOINT.read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:kept])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        checkpoint.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("shipped", [True, False])
def test_one_flipped_bit_of_a_tensor_is_refused(tmp_path: Path, shipped: bool) -> None:
    """The codes would be others, match nothing that is listed, and nobody would hear of it."""
    path = tmp_path / "model.safetensors"
    if shipped:  # saved before files held a digest
        path.write_bytes(DEFAULT_CHECKPOINT.read_bytes())
    else:
        checkpoint.save(checkpoint.load(DEFAULT_CHECKPOINT), path)
    checkpoint.load(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="not those it was saved with"):
        checkpoint.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent\.safetensors"):
        checkpoint.load(tmp_path / "absent.safetensors")


def test_the_shipped_checkpoint_says_what_it_is() -> None:
    info = checkpoint.load().info
    assert info.space in DEFAULT_CHECKPOINT.name
    assert info.data
    assert all(0 < radius < 128 for radius in info.radii.values())
