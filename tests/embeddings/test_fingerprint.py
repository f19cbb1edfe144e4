"""A fingerprint's views: what is turned, mirrored or within a picture has signals of its own."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from embeddings import codes
from embeddings.errors import UnreadableImageError
from embeddings.fingerprint import Fingerprinter
from embeddings.network.encoder import load_encoder
from embeddings.network.imagery import load_imagery
from evaluation.corpora.samples import photograph


@pytest.fixture(scope="module")
def fingerprinter() -> Fingerprinter:
    return Fingerprinter([load_encoder("cpu")], load_imagery())


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _photograph(name: str) -> NDArray[np.uint8]:
    return np.asarray(photograph(name).image)


def _away(one: bytes, other: bytes) -> int:
    return int(codes.distances(codes.stack([one]), codes.stack([other]))[0, 0])


def test_each_of_two_pictures_has_its_own_codes(fingerprinter: Fingerprinter) -> None:
    """Among the views; the whole's code is at most that of the first, and its PDQ of neither."""
    cat, cup = _photograph("cat")[:300, :300], _photograph("coffee")[:300, :300]
    whole, views = fingerprinter.with_views(_png(np.concatenate((cat, cup), 1)))
    (space,) = whole.codes
    parts = [view for view in views if view.name == "part"]
    for picture in (cat, cup):
        alone = fingerprinter.fingerprint(_png(picture))
        nearest = min(_away(part.codes[space], alone.codes[space]) for part in parts)
        assert nearest <= 24
        assert min(_away(part.pdq, alone.pdq) for part in parts) <= 31 < _away(whole.pdq, alone.pdq)
    assert _away(whole.codes[space], fingerprinter.fingerprint(_png(cup)).codes[space]) > 60


def test_a_mirrored_picture_has_the_pdq_of_the_original_among_its_views(
    fingerprinter: Fingerprinter,
) -> None:
    """Seven forms, without codes: those bear mirrors themselves."""
    image = Image.fromarray(_photograph("coffee"))
    original = fingerprinter.fingerprint(_png(np.asarray(image)))
    mirrored, views = fingerprinter.with_views(_png(np.asarray(ImageOps.mirror(image))))
    turned = {view.name: view for view in views if view.name != "part"}
    assert len(turned) == 7
    assert not any(view.codes for view in turned.values())
    assert _away(turned["flip_y"].pdq, original.pdq) <= 8
    assert _away(mirrored.pdq, original.pdq) > 31


def test_the_whole_is_what_it_is_without_views(fingerprinter: Fingerprinter) -> None:
    """Asking for views changes no signal."""
    image = _png(_photograph("coffee"))
    assert fingerprinter.with_views(image)[0] == fingerprinter.fingerprint(image)


def test_what_cannot_be_decoded_has_no_views(fingerprinter: Fingerprinter) -> None:
    """The same named error as without."""
    with pytest.raises(UnreadableImageError):
        fingerprinter.with_views(_png(np.zeros((50, 50, 3), np.uint8))[:60])
