"""What an image will cost is read from its header."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from embeddings.files.images import ImageLimits, decode
from service.http.door.load import weights
from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Served

LIMITS = ImageLimits(max_bytes=2**20, max_pixels=2**26)


def picture(kind: str, side: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (200, 30, 60)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "most"), [("AVIF", 9), ("WEBP", 17), ("PNG", 5), ("BMP", 17)])
def test_pixels_count_not_bytes(kind: str, most: int) -> None:
    """A file of a few hundred bytes and many pixels is heavy, in time and in memory."""
    small, large = picture(kind, 64), picture(kind, 512)
    light, heavy = weights.weigh(small, LIMITS), weights.weigh(large, LIMITS)
    assert heavy.cost - light.cost == 512 * 512 - 64 * 64
    assert heavy.memory >= most * 512 * 512
    assert weights.weigh(large, LIMITS, views=True).cost == 3 * heavy.cost


@pytest.mark.parametrize("data", [b"", b"no image", bytes(2**20 + 1)])
def test_what_will_be_refused_costs_little(data: bytes) -> None:
    assert weights.weigh(data, LIMITS).cost < weights.HEAVY
    small = ImageLimits(max_bytes=2**20, max_pixels=2**12)
    assert weights.weigh(picture("AVIF", 512), small).cost < 2**21


def test_what_is_too_narrow_to_be_reduced_weighs_more() -> None:
    """Its colours are worked out at the full size, in several copies of it."""
    wide, narrow = weights.weigh(page(4096, 2048), LIMITS), weights.weigh(page(512, 16384), LIMITS)
    assert narrow.cost > 3 * wide.cost
    assert narrow.memory >= 20 * 2**23


def test_samples_weigh_what_they_take() -> None:
    """16 channels of 32 bits take more than any pixel in another format."""
    out = io.BytesIO()
    samples = np.zeros((64, 64, 16), np.float32)
    options: dict[str, Any] = {"planarconfig": "contig", "compression": "zlib"}
    tifffile.imwrite(out, samples, photometric="minisblack", **options)
    assert weights.weigh(out.getvalue(), LIMITS).memory >= 3 * 64 * 64 * 64


def page(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def test_to_list_an_image_costs_its_looks() -> None:
    """A reference is encoded over several looks of it."""
    data = picture("PNG", 64)
    asked, listed = weights.weigh(data, LIMITS), weights.weigh(data, LIMITS, listed=True)
    assert listed.cost > 5 * asked.cost
    assert listed.memory == asked.memory


def test_pictures_within_a_file_are_decoded_and_cost_as_much() -> None:
    """By the header, where that tells of them; else once they were found."""
    small, thumbnail = Image.new("RGB", (2048, 2048)), io.BytesIO()
    Image.new("RGB", (160, 160), "red").save(thumbnail, "JPEG")
    plain, more = io.BytesIO(), io.BytesIO()
    small.save(plain, "MPO")
    small.save(more, "MPO", save_all=True, append_images=[Image.new("RGB", (2048, 2048), "red")])
    one, two = (weights.weigh(out.getvalue(), LIMITS) for out in (plain, more))
    assert two.cost - one.cost == one.cost - weights.weigh(picture("JPEG", 8), LIMITS).cost + 16


def test_each_picture_found_in_a_file_is_owed_for(served: Served) -> None:
    """What shows something else on white than on black is encoded twice, and the key that sends it
    gets less of the queue for it."""
    low = np.random.default_rng(1).integers(0, 256, (6, 6, 4), np.uint8)
    large = Image.fromarray(low).resize((256, 256), Image.Resampling.BICUBIC)
    paid = []
    for image in (large.convert("RGB"), large):
        out = io.BytesIO()
        image.save(out, "PNG")
        with served.client_with(Role.MATCHER) as client:
            client.post("/v1/match", files={"file": out.getvalue()}).raise_for_status()
        paid.append(sum(flow.given for flow in served.services.compute._queue._flows.values()))
    plain, more = paid[0], paid[1] - paid[0]
    assert more == plain + len(decode(out.getvalue(), LIMITS).others) * 2**20
    assert more > plain
