"""The policy: every rule of who may block what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.hashes.pdq import RADIUS as PDQ_RADIUS
from service.domain.search import Found
from service.domain.signals import Signals
from service.policy.matching import (
    MAX_MATCHES,
    Coverage,
    Label,
    NotMatched,
    SpaceModel,
    Verdict,
    code_radius,
    code_threshold,
    decide,
    label,
    plan,
)
from service.store import Action, Bank, Imagery, Policy, Radii, Thresholds

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = "s-256-0"
MODELS = {SPACE: SpaceModel(SPACE, {"photographic": 50, "non_photographic": 40, "any": 45})}
BLOCK, REVIEW, ALLOW = Action.BLOCK, Action.REVIEW, Action.ALLOW
FULL = Signals.of(
    md5=b"m" * 16, sha256=b"t" * 32, pdq=b"p" * 32, codes={SPACE: b"c" * 32}, url="https://a/"
)


def bank(number: int, action: Action = REVIEW, radius: Radii = Radii(), on: bool = True) -> Bank:  # noqa: B008 (frozen)
    return Bank(number, f"bank-{number}", Policy(action, radius=radius, enabled=on), NOW, NOW)


def hit(signal: str, group: int = 1, entry: int = 1, distance: int = 0) -> Found:
    space = SPACE if signal == "code" else ""
    return Found(entry, group, signal, space, distance, 45 if space else 0)


def verdicts(banks: list[Bank], *hits: Found) -> tuple[Verdict, list[Verdict]]:
    decision = decide(hits, {bank.id: bank for bank in banks})
    return decision.verdict, [row.verdict for row in decision.rows]


@pytest.mark.parametrize("action", [BLOCK, REVIEW])
@pytest.mark.parametrize("signal", ["md5", "sha1", "sha256", "url"])
def test_a_listed_digest_or_url_blocks(signal: str, action: Action) -> None:
    """Whatever the bank says of PDQ."""
    assert verdicts([bank(1, action)], hit(signal))[0] is Verdict.BLOCK


def test_pdq_does_what_the_bank_says() -> None:
    """It blocks in a bank that says block, and asks for review in one that says review."""
    assert verdicts([bank(1, BLOCK)], hit("pdq", distance=20))[0] is Verdict.BLOCK
    assert verdicts([bank(1, REVIEW)], hit("pdq"))[0] is Verdict.REVIEW


def test_a_code_alone_asks_for_review() -> None:
    """Even at distance 0, even in a bank that says block: a collision can be made."""
    assert verdicts([bank(1, BLOCK)], hit("code"))[0] is Verdict.REVIEW


def test_nothing_found_is_none() -> None:
    """No match, no verdict."""
    assert verdicts([bank(1, BLOCK)]) == (Verdict.NONE, [])


def test_the_most_severe_wins() -> None:
    """Over several banks and signals, and it comes first."""
    found = [hit("code", 1, 1, 3), hit("pdq", 2, 2, 30), hit("pdq", 1, 3, 1)]
    assert verdicts([bank(1, REVIEW), bank(2, BLOCK)], *found) == (
        Verdict.BLOCK,
        [Verdict.BLOCK, Verdict.REVIEW, Verdict.REVIEW],
    )


def test_an_allowed_image_overrides_pdq_and_code_but_shows_them() -> None:
    """Their rows stay, without a verdict: never silence."""
    found = [hit("sha256", 9, 5), hit("pdq", 1, 1, 2), hit("code", 1, 1, 3)]
    assert verdicts([bank(1, BLOCK), bank(9, ALLOW)], *found) == (Verdict.NONE, [Verdict.NONE] * 3)


@pytest.mark.parametrize("signal", ["md5", "sha1", "sha256"])
def test_an_allowed_image_never_overrides_a_listed_digest(signal: str) -> None:
    """The conflict is for people."""
    found = [hit("sha256", 9, 5), hit(signal, 1, 1), hit("pdq", 1, 1)]
    assert verdicts([bank(1, BLOCK), bank(9, ALLOW)], *found)[0] is Verdict.REVIEW


def test_an_allowed_image_does_not_unblock_a_listed_page() -> None:
    """A URL is listed for where it leads, not for the bytes of one image."""
    found = [hit("sha256", 9, 5), hit("url", 1, 1)]
    assert verdicts([bank(1), bank(9, ALLOW)], *found)[0] is Verdict.BLOCK


def test_an_allow_bank_is_searched_by_sha256_only() -> None:
    """Its MD5, PDQ and codes are not looked at: only the exact file is known good."""
    made = plan(FULL, Label.UNCERTAIN, [bank(1), bank(9, ALLOW)], MODELS)
    assert made.search.exact == {1}
    assert made.search.allow == {9}
    assert made.search.near["pdq", ""].keys() == {1}
    assert made.search.near["code", SPACE].keys() == {1}


def test_a_disabled_bank_is_not_searched() -> None:
    """Not by any signal."""
    made = plan(FULL, Label.UNCERTAIN, [bank(1, on=False), bank(2, ALLOW, on=False)], MODELS)
    assert not made.search.exact | made.search.allow
    assert not any(made.search.near.values())


def test_rows_are_ordered_and_cut_after_the_verdict() -> None:
    """By severity, distance, entry; a blocking match beyond the hundredth row still decides."""
    near = [hit("code", 1, entry, distance=1) for entry in range(2, 200)]
    decision = decide([*near, hit("pdq", 2, 1, distance=31)], {1: bank(1), 2: bank(2, BLOCK)})
    assert decision.verdict is Verdict.BLOCK
    assert decision.truncated
    assert len(decision.rows) == MAX_MATCHES
    assert decision.rows[0].found.signal == "pdq"
    assert [row.found.id for row in decision.rows[1:]] == list(range(2, MAX_MATCHES + 1))


def test_one_row_for_an_entry_and_a_signal() -> None:
    """An entry found in two code spaces stands once, by the nearer code."""
    other = Found(1, 1, "code", "other-256-0", 7, 45)
    decision = decide([hit("code", distance=9), other, hit("pdq", distance=3)], {1: bank(1)})
    assert [(row.found.signal, row.found.distance) for row in decision.rows] == [
        ("pdq", 3),
        ("code", 7),
    ]


def test_matches_of_a_bank_that_is_gone_do_not_count() -> None:
    """A bank deleted while the search ran has no policy any more."""
    assert verdicts([], hit("sha256")) == (Verdict.NONE, [])


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, Label.NON_PHOTOGRAPHIC),
        (0.3, Label.NON_PHOTOGRAPHIC),
        (0.31, Label.UNCERTAIN),
        (0.69, Label.UNCERTAIN),
        (0.7, Label.PHOTOGRAPHIC),
        (1.0, Label.PHOTOGRAPHIC),
    ],
)
def test_the_label_has_two_bounds(score: float, expected: Label) -> None:
    """Up to the lower one a drawing, from the upper one a photograph, uncertain between."""
    assert label(score, (0.3, 0.7)) is expected


OWN = st.dictionaries(st.sampled_from(Imagery), st.integers(0, 256))


@given(own=OWN)
def test_uncertain_means_the_wider_radius(own: dict[Imagery, int]) -> None:
    """Whatever a bank says, an uncertain query is searched at least as far as a certain one."""
    here, defaults = bank(1, radius=Radii(code=own)), MODELS[SPACE].radii
    at = {kind: code_radius(here, kind, defaults) for kind in Label}
    assert at[Label.UNCERTAIN] >= max(at[Label.PHOTOGRAPHIC], at[Label.NON_PHOTOGRAPHIC])


def test_radii_come_from_the_bank_then_from_the_model() -> None:
    """Its own for that imagery, its own for any, the model's for that imagery."""
    own = {Imagery.ANY: 30, Imagery.PHOTOGRAPHIC: 33}
    here = bank(1, radius=Radii(code=own))
    assert code_radius(here, Label.PHOTOGRAPHIC, MODELS[SPACE].radii) == 33
    assert code_radius(here, Label.NON_PHOTOGRAPHIC, MODELS[SPACE].radii) == 30
    assert code_radius(bank(1), Label.NON_PHOTOGRAPHIC, MODELS[SPACE].radii) == 40
    assert code_radius(bank(1), Label.UNCERTAIN, MODELS[SPACE].radii) == 50
    assert code_radius(bank(1), Label.PHOTOGRAPHIC, {}) == -1


def test_pdq_radius_is_the_banks_own_or_the_usual() -> None:
    """Zero is a radius, not an absence."""
    made = plan(FULL, Label.UNCERTAIN, [bank(1), bank(2, radius=Radii(pdq=0))], MODELS)
    assert made.search.near["pdq", ""] == {1: PDQ_RADIUS, 2: 0}


def test_imagery_never_decides_whether_a_bank_is_compared() -> None:
    """A photograph is compared with a bank of drawings, at the photograph's radius."""
    drawings = Bank(1, "npi", Policy(imagery=Imagery.NON_PHOTOGRAPHIC), NOW, NOW)
    for kind in Label:
        assert plan(FULL, kind, [drawings], MODELS).search.near["code", SPACE].keys() == {1}


def test_too_little_structure_leaves_the_digests() -> None:
    """PDQ and code are not matched, and the answer says so."""
    blank = Signals.of(sha256=b"t" * 32, pdq=b"p" * 32, codes={SPACE: b"c" * 32}, quality=0.0)
    made = plan(blank, Label.UNCERTAIN, [bank(1)], MODELS)
    assert made.coverage is Coverage.DIGESTS_ONLY
    assert made.not_matched == (
        NotMatched("pdq", "", "low_quality"),
        NotMatched("code", SPACE, "low_quality"),
    )
    assert not made.search.near


@pytest.mark.parametrize(("quality", "searched"), [(49, False), (50, True), (None, True)])
def test_pdq_below_its_own_quality_is_not_matched(quality: int | None, searched: bool) -> None:
    """The code is, if the image has structure; a list that gives no quality is believed."""
    signals = Signals.of(pdq=b"p" * 32, codes={SPACE: b"c" * 32}, pdq_quality=quality, quality=0.9)
    made = plan(signals, Label.UNCERTAIN, [bank(1)], MODELS)
    assert bool(made.search.near.get(("pdq", ""))) is searched
    assert made.coverage is Coverage.FULL
    assert bool(made.not_matched) is not searched


def test_a_code_that_nobody_can_place_is_told() -> None:
    """No model here and no radius of the bank: not compared, not silent."""
    stray = Signals.of(codes={"other-256-9": b"c" * 32})
    made = plan(stray, Label.UNCERTAIN, [bank(1)], MODELS)
    assert made.coverage is Coverage.NONE
    assert made.not_matched == (NotMatched("code", "other-256-9", "unknown_space"),)
    own = bank(1, radius=Radii(code={Imagery.ANY: 20}))
    made = plan(stray, Label.UNCERTAIN, [own], MODELS)
    assert made.search.near == {("code", "other-256-9"): {1: 20}}
    assert (made.coverage, made.not_matched) == (Coverage.FULL, ())


def test_a_bank_of_other_codes_alone_is_not_covered() -> None:
    """Nothing but digests was compared with it, and that is told; where PDQ was, coverage stays;
    a caller who sends digests alone is told what was not given, whatever the banks hold."""
    coded = Signals.of(codes={SPACE: b"c" * 32})
    banks = [bank(1), bank(2), bank(3, ALLOW), bank(4)]
    held = {2: frozenset({"old-256-1"}), 3: frozenset({"old-256-1"}), 4: frozenset[str]()}
    other = (NotMatched("code", "old-256-1", "other_space"),)
    made = plan(coded, Label.UNCERTAIN, banks, MODELS, held)
    assert (made.coverage, made.not_matched) == (Coverage.NONE, other)
    both = {**held, 2: frozenset({"old-256-1", SPACE})}
    assert plan(coded, Label.UNCERTAIN, banks, MODELS, both).coverage is Coverage.FULL
    made = plan(FULL, Label.UNCERTAIN, banks, MODELS, held)
    assert (made.coverage, made.not_matched) == (Coverage.DIGESTS_ONLY, other)
    made = plan(FULL, Label.UNCERTAIN, banks, MODELS, held, {"pdq": frozenset({2})})
    assert (made.coverage, made.not_matched) == (Coverage.FULL, other)
    digest = Signals.of(md5=b"m" * 16)
    assert plan(digest, Label.UNCERTAIN, banks, MODELS, held).not_matched == (
        NotMatched("pdq", "", "not_given"),
        NotMatched("code", "old-256-1", "not_given"),
        NotMatched("code", SPACE, "not_given"),
    )
    url = Signals.of(url="https://a.example/")
    assert [one.signal for one in plan(url, Label.UNCERTAIN, [], {}).not_matched] == ["pdq"]
    made = plan(coded, Label.UNCERTAIN, [bank(1)], MODELS, held)
    assert (made.coverage, made.not_matched) == (Coverage.FULL, ())


def test_a_bank_of_which_only_pdq_could_be_compared_needs_pdq() -> None:
    """A query without PDQ, or with one that is not to be trusted, has not been compared there."""
    hashed = {"pdq": frozenset({1})}
    weak = Signals.of(pdq=b"p" * 32, codes={SPACE: b"c" * 32}, pdq_quality=30, quality=0.9)
    made = plan(weak, Label.UNCERTAIN, [bank(1)], MODELS, {}, hashed)
    assert made.coverage is Coverage.NONE
    assert made.not_matched == (NotMatched("pdq", "", "low_quality"),)
    coded = Signals.of(codes={SPACE: b"c" * 32})
    made = plan(coded, Label.UNCERTAIN, [bank(1)], MODELS, {}, hashed)
    assert made.coverage is Coverage.NONE
    assert made.not_matched == (NotMatched("pdq", "", "not_given"),)
    both = plan(coded, Label.UNCERTAIN, [bank(1)], MODELS, {1: frozenset({SPACE})}, hashed)
    assert (both.coverage, both.not_matched) == (Coverage.FULL, ())


def test_a_bank_of_codes_is_not_covered_by_pdq() -> None:
    hash_only = Signals.of(pdq=b"p" * 32)
    held = {1: frozenset({SPACE})}
    made = plan(hash_only, Label.UNCERTAIN, [bank(1)], MODELS, held)
    assert made.coverage is Coverage.NONE
    assert made.not_matched == (NotMatched("code", SPACE, "other_space"),)
    made = plan(hash_only, Label.UNCERTAIN, [bank(1)], MODELS, held, {"pdq": frozenset({1})})
    assert (made.coverage, made.not_matched) == (Coverage.FULL, ())


def test_banks_that_are_switched_off_are_not_covered() -> None:
    """Nothing is searched where every bank a query may ask is disabled."""
    assert plan(FULL, Label.UNCERTAIN, [bank(1, on=False)], MODELS).coverage is Coverage.NONE
    assert (
        plan(FULL, Label.UNCERTAIN, [bank(1, on=False), bank(2)], MODELS).coverage is Coverage.FULL
    )


@pytest.mark.parametrize(
    "signals", [Signals.of(md5=b"m" * 16), Signals.of(sha1=b"m" * 20), Signals.of(url="https://a/")]
)
def test_exact_signals_alone_cover_digests_only(signals: Signals) -> None:
    """So that ``none`` is never taken for more than it says."""
    assert plan(signals, Label.UNCERTAIN, [], MODELS).coverage is Coverage.DIGESTS_ONLY


@pytest.mark.parametrize(
    ("own", "radii", "imagery", "least"),
    [
        ({}, {}, Label.PHOTOGRAPHIC, 4600),
        ({}, {}, Label.NON_PHOTOGRAPHIC, 5000),
        ({}, {}, Label.UNCERTAIN, 4600),
        ({}, {Imagery.ANY: 31}, Label.PHOTOGRAPHIC, -1),
        ({Imagery.ANY: 5500}, {Imagery.ANY: 31}, Label.UNCERTAIN, 5500),
        ({Imagery.PHOTOGRAPHIC: 5500}, {}, Label.PHOTOGRAPHIC, 5500),
        ({Imagery.PHOTOGRAPHIC: 5500}, {}, Label.NON_PHOTOGRAPHIC, -1),
        ({Imagery.PHOTOGRAPHIC: 5500}, {}, Label.UNCERTAIN, -1),
    ],
)
def test_a_bank_s_own_threshold_or_radius_comes_before_the_model_s_threshold(
    own: dict[Imagery, int], radii: dict[Imagery, int], imagery: Label, least: int
) -> None:
    """-1: the radius decides. Where it is uncertain what is asked, what would find more decides."""
    scores = {"photographic": 4600, "non_photographic": 5000, "any": 5000}
    asked = replace(bank(1), policy=Policy(radius=Radii(code=radii), score=Thresholds(own)))
    assert code_threshold(asked, imagery, scores) == least
    assert code_threshold(bank(1), imagery, {}) == -1
