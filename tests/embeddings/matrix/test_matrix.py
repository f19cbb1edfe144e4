"""What is fingerprinted is the picture people see, whatever kind of file shows it."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.errors import ImageError
from embeddings.figures import MIN_STRUCTURE
from embeddings.files.images import ImageLimits, decode
from embeddings.hashes.pdq import pdq
from embeddings.hashes.structure import structure
from embeddings.network.encoder import Encoder, load_encoder
from tests.embeddings.matrix.cell import Cell
from tests.embeddings.matrix.cells import cells, refused
from tests.embeddings.matrix.chromium import shown

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium")
PDQ_BITS, CODE_BITS = 10, 20
ROUNDING = 1


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("cpu")


@cache
def table() -> dict[str, Cell]:
    return cells()


def apart(encoder: Encoder, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> str:
    """What is wrong between two readings of a file; nothing if they are one picture."""
    if one.shape != other.shape:
        return f"{one.shape} is not {other.shape}"
    if np.abs(one.astype(np.int16) - other).max() <= ROUNDING:
        return ""
    hashes = [np.frombuffer(pdq(np.ascontiguousarray(rgb)).hash, np.uint8) for rgb in (one, other)]
    bits = int(np.bitwise_count(hashes[0] ^ hashes[1]).sum())
    made = (
        encoder.encode([np.ascontiguousarray(one)]).codes,
        encoder.encode([np.ascontiguousarray(other)]).codes,
    )
    code = int(np.bitwise_count(made[0] ^ made[1]).sum())
    return f"PDQ {bits} bits away, code {code}" if bits > PDQ_BITS or code > CODE_BITS else ""


def test_every_file_is_read_as_the_picture_it_was_made_from(encoder: Encoder) -> None:
    wrong = {}
    for name, cell in table().items():
        try:
            image = decode(cell.file)
        except ImageError as error:
            wrong[name] = str(error)
            continue
        trouble = "" if cell.right is None else apart(encoder, image.rgb, cell.right)
        if not trouble and structure(image.rgb) < MIN_STRUCTURE:
            trouble = "nothing to see"
        if trouble:
            wrong[name] = trouble
    assert wrong == {}


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_every_file_is_read_as_a_browser_shows_it(encoder: Encoder, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    asked = {name: cell for name, cell in table().items() if cell.browser and cell.ending != "tif"}
    seen = shown(CHROMIUM, {n: (cell.ending, cell.file) for n, cell in asked.items()}, tmp_path)
    wrong = {}
    for name, cell in asked.items():
        rgb = decode(cell.file).rgb
        height, width = rgb.shape[:2]
        trouble = apart(encoder, rgb, seen[name][:height, :width])
        if trouble:
            wrong[name] = trouble
    assert wrong == {}


def test_what_is_not_read_is_refused_by_name() -> None:
    for file, message in refused().values():
        with pytest.raises(ImageError, match=message):
            decode(file)


def damaged(count: int, seed: int) -> Iterator[bytes]:
    """Files of the table with bytes changed, cut off, put in or taken out; alike in every run."""
    chance = random.Random(seed)
    files = [cell.file for cell in table().values()]
    extremes = [0, 1, 127, 128, 255]
    for _ in range(count):
        file = bytearray(chance.choice(files))
        at = chance.randrange(len(file))
        match chance.randrange(6):
            case 0:
                for _ in range(chance.choice([1, 4, 16])):
                    file[chance.randrange(len(file))] = chance.randrange(256)
            case 1:
                del file[at:]
            case 2:
                file[at:at] = chance.randbytes(chance.randrange(1, 64))
            case 3:
                del file[at : at + chance.randrange(1, 64)]
            case 4:  # headers stand first, and the directory of a TIFF last
                for _ in range(3):
                    file[chance.randrange(min(len(file), 200))] = chance.choice(extremes)
            case _:
                for _ in range(3):
                    file[-1 - chance.randrange(min(len(file), 300))] = chance.choice(extremes)
        yield bytes(file)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_files_of_every_kind_give_pictures_or_a_named_error() -> None:
    outcomes: Counter[str] = Counter()
    for file in damaged(1500, seed=4):
        try:
            checked = decode(file, ImageLimits(max_pixels=2**20))
        except ImageError as error:
            outcomes[error.code] += 1
            continue
        for rgb in (checked.rgb, *(other.rgb for other in checked.others)):
            assert rgb.dtype == np.uint8
            assert rgb.shape[2:] == (3,)
        outcomes["picture"] += 1
        outcomes["truncated"] += "truncated" in checked.doubts
    assert outcomes["picture"] > 300
    assert outcomes["truncated"] > 20
    assert outcomes["unreadable_image"] > 300
