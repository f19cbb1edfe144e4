"""A query's descriptor lets near codes be judged by their score, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings import codes
from embeddings.files.images import ImageLimits
from embeddings.fingerprint import Fingerprinter
from embeddings.network.encoder import Encoded
from service.http.door.near_radius import CHECK
from service.store import Role
from tests.service.conftest import SPACE, ColourImagery, ThumbnailEncoder

if TYPE_CHECKING:
    import httpx

    from tests.service.conftest import Pictures, Served

Serve = Callable[..., "Served"]

SCORES = {"photographic": 3000, "non_photographic": 3000, "any": 3000}


class ScoringEncoder(ThumbnailEncoder):
    """A model with thresholds, whose listed codes differ from a query's in three bits."""

    info = replace(ThumbnailEncoder.info, scores=SCORES, candidates=90)

    def encode_references(self, images: Sequence[NDArray[np.uint8]]) -> Encoded:
        plain = self.encode(images)
        moved = plain.descriptors.copy()
        moved[:, :3] *= -1
        return Encoded(codes.from_descriptors(moved), moved)


@pytest.fixture
def scoring(serve: Serve) -> Served:
    limits = ImageLimits(max_bytes=2**22)
    return serve(fingerprints=Fingerprinter([ScoringEncoder()], ColourImagery(), limits))


def asked(count: int = 1, seed: int = 1) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    floats = np.random.default_rng(seed).normal(0, 1, (count, 256)).astype(np.float32)
    return codes.quantised(floats), codes.from_descriptors(floats)


def match(client: httpx.Client, **signals: Any) -> dict[str, Any]:  # noqa: ANN401 (as httpx)
    answer = client.post("/v1/match", json={"signals": signals})
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_an_image_is_listed_as_a_reference_and_matched_by_its_score(
    scoring: Served, pictures: Pictures
) -> None:
    """The answer says score and threshold, and anyone can add them up again."""
    image = pictures.png(pictures.photo)
    with scoring.client() as client:
        client.post("/v1/banks", json={"name": "A"})
        made = client.post("/v1/banks/A/entries", files={"file": image}).json()
        assert made["signals"]["code_role"] == "reference"
        assert "descriptors" not in made["signals"]
        told = client.post(
            "/v1/match", params={"include": "fingerprint"}, files={"file": image}
        ).json()
        (row,) = [one for one in told["matches"] if one["signal"] == "code"]
        descriptor = np.frombuffer(bytes.fromhex(told["fingerprint"]["descriptors"][SPACE]), "i1")
        listed = codes.stack([bytes.fromhex(made["signals"]["codes"][SPACE])])
        assert told["fingerprint"]["code_role"] == "query"
        assert row["score"] == codes.scores(descriptor.reshape(1, -1), listed)[0, 0]
        assert (row["distance"], row["radius"], row["threshold"]) == (3, 90, 3000)
        # The fingerprint, sent back as signals, is matched as the image is.
        again = match(client, **told["fingerprint"])
        assert [one for one in again["matches"] if one["signal"] == "code"] == [row]


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_code_matches_from_the_bank_s_threshold_on(scoring: Served, shift: int) -> None:
    descriptors, (code,) = asked()
    far = codes.unpack(code[None])
    far[0, np.argsort(np.abs(descriptors[0].astype(int)))[:70]] ^= 1
    listed = codes.pack(far.astype(np.bool_))
    score = int(codes.scores(descriptors, listed)[0, 0])
    with scoring.client() as client:
        bank = {"name": "A", "score": {"code": {"any": score + shift}}}
        assert client.post("/v1/banks", json=bank).json()["score"] == bank["score"]
        signals = {"codes": {SPACE: listed[0].tobytes().hex()}}
        client.post("/v1/banks/A/entries", json={"signals": signals}).raise_for_status()
        given = {"codes": {SPACE: code.tobytes().hex()}}
        told = match(client, **given, descriptors={SPACE: descriptors[0].tobytes().hex()})
        assert (told["verdict"], told["coverage"]) == ("none" if shift > 0 else "review", "full")
        if shift <= 0:
            (row,) = told["matches"]
            assert (row["distance"], row["score"]) == (70, score)
            assert row["threshold"] == score + shift
        # Without a descriptor the radius decides, which is far below.
        assert match(client, **given)["verdict"] == "none"


def test_who_chose_a_radius_is_not_overruled_by_the_model_s_threshold(scoring: Served) -> None:
    descriptors, (code,) = asked()
    near = codes.unpack(code[None])
    near[0, np.argsort(np.abs(descriptors[0].astype(int)))[:25]] ^= 1
    signals = {"codes": {SPACE: codes.pack(near.astype(np.bool_))[0].tobytes().hex()}}
    full = {
        "codes": {SPACE: code.tobytes().hex()},
        "descriptors": {SPACE: descriptors[0].tobytes().hex()},
    }
    with scoring.client() as client:
        for name, policy in (("chosen", {"radius": {"code": {"any": 24}}}), ("default", {})):
            client.post("/v1/banks", json={"name": name, **policy}).raise_for_status()
            client.post(f"/v1/banks/{name}/entries", json={"signals": signals}).raise_for_status()
        assert [row["bank"] for row in match(client, **full)["matches"]] == ["default"]
        client.patch("/v1/banks/chosen", json={"radius": {"code": {"any": 25}}}).raise_for_status()
        rows = {row["bank"]: row for row in match(client, **full)["matches"]}
        assert rows.keys() == {"chosen", "default"}
        assert "score" not in rows["chosen"]


def test_a_descriptor_that_is_not_its_code_s_is_named(scoring: Served) -> None:
    """Its signs are the code's bits: else what is near would be looked for in the wrong place."""
    descriptors, (code,) = asked()
    good = {"codes": {SPACE: code.tobytes().hex()}}
    for bad, what in (
        ({**good, "descriptors": {SPACE: (-descriptors[0]).tobytes().hex()}}, "not that of"),
        ({**good, "descriptors": {SPACE: "00" * 255}}, "512 hex digits"),
        ({**good, "descriptors": {SPACE: "80" + "00" * 255}}, "not that of"),
        ({"descriptors": {SPACE: descriptors[0].tobytes().hex()}, "md5": "0" * 32}, "as well"),
        ({**good, "code_role": "other"}, "code_role must be one of"),
    ):
        with scoring.client() as client:
            answer = client.post("/v1/match", json={"signals": bad})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_signal")
        assert what in answer.json()["detail"]


def test_a_threshold_that_no_score_has_is_refused(scoring: Served) -> None:
    with scoring.client() as client:
        for least in (-1, 8193):
            bank = {"name": "A", "score": {"code": {"any": least}}}
            assert client.post("/v1/banks", json=bank).status_code == 422


def test_who_feels_their_way_along_a_threshold_is_noticed(scoring: Served) -> None:
    """A score is an edge as a radius is: one's own numbers, just enough of them, again and again.
    Questions far above the threshold are those of people, and raise no alarm."""
    _, rows = asked()
    signs = np.where(np.unpackbits(rows[0]), 1, -1)
    with scoring.client() as admin, scoring.client_with(Role.MATCHER) as client:
        admin.post("/v1/banks", json={"name": "A"})
        code = rows[0].tobytes().hex()
        admin.post("/v1/banks/A/entries", json={"signals": {"codes": {SPACE: code}}})

        def said(least: int) -> str:
            sizes = np.full(256, 12)
            sizes[:7] = least
            for turn in range(40):
                descriptor = (np.roll(sizes, turn) * signs).astype(np.int8).tobytes().hex()
                answer = match(client, codes={SPACE: code}, descriptors={SPACE: descriptor})
                assert answer["matches"]
            checks = admin.get("/v1/status").json()["checks"]
            return str(next(one["severity"] for one in checks if one["name"] == CHECK))

        assert said(40) == "sound"
        assert said(2) == "degraded"
