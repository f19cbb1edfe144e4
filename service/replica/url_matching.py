"""URLs matched many at once: what each stands for, one walk over the index, a verdict for each.

It knows the order of the steps, as ``matcher`` does for one item; which URLs one stands for is
``domain.urls.asking``'s. Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from service.domain.errors import BadUrlError
from service.domain.search import Searched
from service.domain.signals import Signal, Signals
from service.domain.urls.asking import Question, question
from service.policy import matching
from service.policy.matching import MAX_MATCHES, Coverage, Decision, Label, NotMatched, Verdict
from service.replica.known import Freshness
from service.replica.matcher import Matcher
from service.store import Entry

_URL: Final = "url"


class UrlAsked(NamedTuple):
    """One URL to match."""

    text: str
    """As the caller wrote it."""
    readings: tuple[str, ...]
    """What it may stand for, the likeliest first."""


class UrlResult(NamedTuple):
    """What is said of one URL."""

    asked: UrlAsked
    question: Question
    decision: Decision
    coverage: Coverage
    not_matched: tuple[NotMatched, ...]


class UrlFailure(NamedTuple):
    """A URL that cannot be read."""

    asked: UrlAsked
    error: BadUrlError


@dataclass(frozen=True)
class UrlAnswers:
    """What is said of many, in their order."""

    answers: tuple[UrlResult | UrlFailure, ...]
    entries: Mapping[int, Entry]
    """By internal id, of all decisions' rows; none where the store was away, and each decision
    that lacks one is then ``truncated``."""
    freshness: Freshness


def match_urls(
    matcher: Matcher, asked: Sequence[UrlAsked], banks: tuple[str, ...] | None
) -> UrlAnswers:
    """Match ``asked`` in ``banks``, or in all; one that cannot be read fails none of the rest.

    Raises ``BankNotFoundError``, ``IndexNotLoadedError``.
    """
    chosen = matcher.chosen(banks)
    freshness = matcher.freshness()
    questions = [_question(one) for one in asked]
    good = [one for one in questions if isinstance(one, Question)]
    plan = matching.plan(Signals((Signal(_URL, b""),)), Label.UNCERTAIN, chosen.values(), {})
    whole = Coverage.NONE if plan.coverage is Coverage.NONE else Coverage.FULL
    plan = replace(plan, coverage=whole, not_matched=())
    keys = [one.keys for one in good]
    found = matcher.look_up(_URL, keys, plan.search.exact, MAX_MATCHES + 1)
    # Asked after the search: a fault that shows while it runs must count.
    faulty = matcher.incomplete

    def covered(verdict: Verdict, incomplete: bool) -> tuple[Coverage, tuple[NotMatched, ...]]:
        return matching.coverage(plan, chosen.values(), matcher.filled, verdict, incomplete)

    plain = covered(Verdict.NONE, faulty)  # that of nearly all

    def answer(one: UrlAsked, said: Question, searched: Searched) -> UrlResult:
        if searched.found or searched.incomplete or searched.cut:
            decision = matching.decide(searched.found, chosen, searched.cut)
            coverage, why = covered(decision.verdict, faulty or searched.incomplete)
        else:
            decision, (coverage, why) = _NOTHING, plain
        if said.doubts:
            why = (*why, *(NotMatched(_URL, "", doubt) for doubt in said.doubts))
            coverage = coverage if decision.verdict is Verdict.BLOCK else Coverage.NONE
        return UrlResult(one, said, decision, coverage, why)

    results = iter(found)
    answers = [
        UrlFailure(one, said) if isinstance(said, BadUrlError) else answer(one, said, next(results))
        for one, said in zip(asked, questions, strict=True)
    ]
    return _with_entries(answers, matcher.entries_of, freshness)


_NOTHING: Final = Decision(Verdict.NONE, (), truncated=False)


def _question(one: UrlAsked) -> Question | BadUrlError:
    try:
        return question(*one.readings)
    except BadUrlError as error:
        return error


def _with_entries(
    answers: Sequence[UrlResult | UrlFailure],
    entries_of: Callable[[list[int]], Mapping[int, Entry]],
    freshness: Freshness,
) -> UrlAnswers:
    ids = {
        row.found.id for one in answers if isinstance(one, UrlResult) for row in one.decision.rows
    }
    entries = entries_of(sorted(ids))
    if len(entries) < len(ids):
        answers = [
            one._replace(decision=replace(one.decision, truncated=True))
            if isinstance(one, UrlResult)
            and any(row.found.id not in entries for row in one.decision.rows)
            else one
            for one in answers
        ]
    return UrlAnswers(tuple(answers), entries, freshness)
