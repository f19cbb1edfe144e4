"""The health of a server: what its checks say, when it is not ready, and what the log gets."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.health import Health, Severity


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


def severity(health: Health, name: str = "store") -> Severity:
    (found,) = [check.severity for check in health.checks() if check.name == name]
    return found


def test_one_failing_check_is_enough(health: Health) -> None:
    """Degraded checks are shown and leave the server ready; a failing one does not."""
    health.sound("store")
    health.degraded("index", "a snapshot cannot be written")
    assert health.ready
    health.failing("banks", "there is no bank")
    assert not health.ready
    health.sound("banks")
    assert health.ready
    assert [(check.name, check.severity, check.said) for check in health.checks()] == [
        ("banks", "sound", ""),
        ("index", "degraded", "a snapshot cannot be written"),
        ("store", "sound", ""),
    ]


def test_only_what_says_so_makes_answers_incomplete(health: Health) -> None:
    """And only as long as it does."""
    health.failing("store", "it cannot be reached")
    assert not health.incomplete
    health.failing("scrub", "a file is damaged", incomplete=True)
    assert health.incomplete
    health.degraded("scrub", "it is being built anew")
    assert not health.incomplete
    assert not health.ready  # the store


def test_a_part_that_reports_nothing_is_noticed(health: Health, clock: Clock) -> None:
    """It may hang, and a check that was sound once would stay so for ever."""
    health.sound("store", lasts=30)
    clock.now += 29.9
    assert severity(health) is Severity.SOUND
    clock.now += 0.1
    assert severity(health) is Severity.FAILING
    health.sound("store", lasts=30)
    assert severity(health) is Severity.SOUND


def test_trouble_that_lasts_is_failing(health: Health, clock: Clock) -> None:
    """From when it began, however often it is reported, until the check is sound once."""
    health.degraded("store", "away", lasts=30)
    for _ in range(29):
        clock.now += 1
        health.degraded("store", "away", lasts=30)
        assert severity(health) is Severity.DEGRADED
    clock.now += 1
    assert severity(health) is Severity.FAILING
    health.degraded("store", "still away", lasts=30)
    assert severity(health) is Severity.FAILING
    health.sound("store")
    health.degraded("store", "away again", lasts=30)
    assert severity(health) is Severity.DEGRADED


def test_what_was_failing_may_be_merely_degraded(health: Health, clock: Clock) -> None:
    """A repair under way is better than the fault."""
    health.failing("scrub", "damaged")
    clock.now += 1000
    health.degraded("scrub", "built anew in memory")
    assert severity(health, "scrub") is Severity.DEGRADED


def test_a_check_can_be_taken_out(health: Health) -> None:
    """The index of a code space may go, and its trouble with it."""
    health.failing("scrub", "damaged", incomplete=True)
    health.forget("scrub")
    health.forget("scrub")
    assert health.ready
    assert not health.incomplete
    assert health.checks() == ()


def test_the_log_has_a_line_for_each_change(
    health: Health, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Not one for each report, and the detail is in it."""
    for _ in range(100):
        clock.now += 1
        health.failing("store", "it cannot be read", "page 7")
    health.sound("store")
    assert [record.getMessage() for record in caplog.records] == [
        "store is failing: it cannot be read: page 7",
        "store is sound",
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


@given(st.lists(st.tuples(st.sampled_from(["sound", "failing"]), st.floats(0, 2)), max_size=200))
def test_the_log_is_bounded_and_ends_right(reports: list[tuple[str, float]]) -> None:
    """Whatever flaps, lines are ten seconds apart; ten seconds after the last change the log says
    how it stands."""
    clock = Clock()
    health, started = Health(clock), clock.now
    lines: list[tuple[float, str]] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((clock.now, record.getMessage()))

    logger, notes = logging.getLogger("service.domain.health"), Notes()
    logger.addHandler(notes)
    try:
        for kind, later in reports:
            clock.now += later
            health.sound("a") if kind == "sound" else health.failing("a", "b")
        clock.now += 10
        health.checks()
    finally:
        logger.removeHandler(notes)
    times = [moment for moment, _ in lines]
    assert all(later - earlier >= 10 for earlier, later in pairwise(times))
    assert len(lines) <= 1 + (clock.now - started) / 10
    said = lines[-1][1].split(":")[0] if lines else "a is sound"
    assert said == f"a is {reports[-1][0] if reports else 'sound'}"
