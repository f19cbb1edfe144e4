"""Files of every shape come out as the numbers they were made of; nonsense raises named errors."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.errors import ImageError, UnreadableImageError
from embeddings.files import colour_spaces
from embeddings.files.colour_spaces import ColourSpace, from_gamma, from_numbers, to_srgb
from embeddings.files.formats import inspect
from embeddings.files.formats.contents import exif_entries, exif_orientation, exif_thumbnail
from embeddings.files.images import announced, decode
from tests.embeddings.matrix import bmp_files, profiles, tiff_files
from tests.embeddings.matrix.picture import stored

SIZES = st.tuples(st.integers(1, 20), st.integers(1, 40))
SEEDS = st.integers(0, 2**32 - 1)


@given(
    SIZES, st.lists(st.integers(1, 11), min_size=3, max_size=4), st.permutations(range(4)), SEEDS
)
def test_bmp_masks_of_any_widths_in_any_order(
    size: tuple[int, int], widths: list[int], order: list[int], seed: int
) -> None:
    while sum(widths) > 32:
        widths = [max(1, width - 1) for width in widths]
    masks, place = [0] * len(widths), 0
    for channel in (one for one in order if one < len(widths)):
        masks[channel] = ((1 << widths[channel]) - 1) << place
        place += widths[channel]
    bits = 16 if place <= 16 else 32
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 1 << width, size) for width in widths]
    values[-1][0, 0] |= 1  # with no opacity at all it would be opaque
    words = np.zeros(size, np.int64)
    for value, mask in zip(values, masks, strict=True):
        words |= value * (mask & -mask)
    rows = words.astype("<u2" if bits == 16 else "<u4").view(np.uint8)
    file = bmp_files.bmp(rows, size[1], bits, header=124, compression=3, masks=tuple(masks))
    shares = [value / ((1 << width) - 1) for value, width in zip(values, widths, strict=True)]
    expected = np.stack(shares[:3], axis=2) * 255
    if len(widths) == 4:
        expected = expected * shares[3][..., None] + 255 * (1 - shares[3][..., None])
    assert np.abs(decode(file).rgb - expected).max() <= 3


@given(
    SIZES,
    st.sampled_from(["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4"]),
    st.sampled_from("<>"),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 3]),
    SEEDS,
)
@settings(max_examples=200)
def test_tiff_samples_of_any_kind(
    size: tuple[int, int],
    kind: str,
    order: str,
    planes: bool,
    squeezed: bool,
    channels: int,
    seed: int,
) -> None:
    """Against what they are by their definition: from the ends of their range, or from the least to
    the greatest."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(kind)
    samples: NDArray[Any]
    if dtype.kind == "f":
        samples = rng.uniform(-3, 5, (*size, channels)).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        samples = rng.integers(limits.min, limits.max, (*size, channels), dtype, endpoint=True)
    plane = samples[..., 0] if channels == 1 else samples
    given_ = plane.transpose(2, 0, 1) if planes and channels == 3 else plane
    file = tiff_files.tiff(
        given_,
        "rgb" if channels == 3 else "minisblack",
        planarconfig=("separate" if planes else "contig") if channels == 3 else None,
        byteorder=order,
        compression="zlib" if squeezed else None,
        rowsperstrip=7,
    )
    wide = samples.astype(np.float64)
    low, high = wide.min(), wide.max()
    if kind in {"u1", "u2", "i1"} or (kind == "u4" and high >= 2**31):
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    expected = (wide - low) / max(high - low, 1e-9) * 255
    assert np.abs(decode(file).rgb - expected).max() <= 1


@given(st.binary(max_size=300), st.integers(0, 3))
def test_exif_blocks_of_nonsense_say_nothing_and_raise_nothing(block: bytes, which: int) -> None:
    for head in (b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0\x08\0\0\0"):
        exif_entries(head + block, which)
        assert 1 <= exif_orientation(head + block) <= 8
        exif_thumbnail(head + block)


@given(st.binary(max_size=200))
def test_headers_of_nonsense_raise_image_errors_alone(rest: bytes) -> None:
    for head in (b"BM", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"\xff\xd8\xff", b"GIF89a"):
        try:
            inspect(head + rest)
        except ImageError:
            continue


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_gamma_and_its_inverse_give_srgb(depth: type[np.unsignedinteger[Any]]) -> None:
    top = np.iinfo(depth).max
    light = np.linspace(0, 1, 200)
    for gamma in (0.2, 0.6, 1.0):
        numbers = np.rint(light[None] ** gamma * top).astype(depth)
        shown = to_srgb(numbers, from_gamma(gamma, None))
        exact = stored((numbers / top) ** (1 / gamma)) * 255
        assert np.abs(shown - exact).max() <= 1


@given(
    st.floats(0.0001, 40),
    st.none() | st.tuples(*[st.tuples(st.floats(0, 43), st.floats(0, 43))] * 4),
)
def test_what_a_png_says_of_its_colours_never_fails(gamma: float, primaries: Any) -> None:  # noqa: ANN401
    """Impossible primaries are passed over."""
    space = from_gamma(gamma, primaries)
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert to_srgb(ramp, space).shape == (16, 16)
    assert to_srgb(np.repeat(ramp[..., None], 3, axis=2), space).shape == (16, 16, 3)


def test_primaries_are_brought_to_those_of_srgb() -> None:
    """White stays white, and a colour of sRGB's own comes back as itself."""
    rng = np.random.default_rng(2)
    colours = rng.uniform(0, 1, (30, 30, 3))
    for number, primaries in ((12, profiles.P3_XY), (9, profiles.BT2020_XY)):
        space = from_numbers(number, 13)
        assert space is not None
        numbers = stored(colours @ np.linalg.inv(profiles.to_srgb(primaries)).T)
        shown = to_srgb(np.rint(numbers * 65535).astype(np.uint16), space)
        assert np.abs(shown - stored(colours) * 255).max() <= 1
        white = np.full((1, 1, 3), 255, np.uint8)
        assert to_srgb(white, space).min() == 255


def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    space = ColourSpace(transfer=16)
    samples = np.random.default_rng(1).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    whole = to_srgb(samples, space)
    monkeypatch.setattr(colour_spaces, "_BAND_PIXELS", 70)
    assert np.array_equal(to_srgb(samples, space), whole)


@pytest.mark.parametrize("planes", ["separate", "contig"])
def test_a_tiff_of_very_many_samples_a_pixel_is_refused_by_its_header(planes: str) -> None:
    """Each plane is decoded by itself: a small file of thousands would keep a worker for long."""
    shape = (17, 64, 64) if planes == "separate" else (64, 64, 17)
    file = tiff_files.tiff(np.zeros(shape, np.uint16), "minisblack", planarconfig=planes)
    with pytest.raises(UnreadableImageError, match="more than 16 samples a pixel"):
        announced(file)


def test_of_planes_that_are_not_shown_none_is_decoded() -> None:
    """What they hold may even be damaged."""
    planes = np.zeros((4, 64, 64), np.uint16)
    planes[0] = np.linspace(0, 65535, 64, dtype=np.uint16)
    whole = tiff_files.tiff(planes, "miniswhite", planarconfig="separate", compression="zlib")
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        offset = file.pages.first.dataoffsets[3]
    hurt = whole[:offset] + bytes(8) + whole[offset + 8 :]
    assert (decode(hurt).rgb == decode(whole).rgb).all()
    assert decode(whole).rgb[0, 0, 0] == 255
