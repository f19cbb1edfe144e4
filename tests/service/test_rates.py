"""How many queries a key may send."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.errors import TooManyRequestsError
from service.http.door.load.rates import Rates
from service.store import Role

if TYPE_CHECKING:
    from tests.service.conftest import Served

SIGNALS = {"signals": {"md5": "0" * 32}}


def test_a_burst_and_then_a_steady_rate() -> None:
    """A refusal says when, costs nothing, and touches no other key."""
    now = [0.0]
    rates = Rates(rate=10, burst=5, clock=lambda: now[0])
    for _ in range(5):
        rates.take("a")
    with pytest.raises(TooManyRequestsError) as refused:
        rates.take("a")
    assert refused.value.seconds == pytest.approx(0.1)
    rates.take("b", 5)
    now[0] = 0.1
    rates.take("a")
    with pytest.raises(TooManyRequestsError) as refused:
        rates.take("a", 5)
    assert refused.value.seconds == pytest.approx(0.5)
    now[0] = 1000
    rates.take("a", 5)


def test_no_rate_is_no_limit() -> None:
    rates = Rates(rate=0, burst=5)
    for _ in range(1000):
        rates.take("a", 1000)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 20)), max_size=50))
def test_never_more_than_burst_and_rate(asked: list[tuple[float, int]]) -> None:
    """Whenever and however much is asked."""
    now, given_ = [0.0], 0
    rates = Rates(rate=3, burst=20, clock=lambda: now[0])
    for pause, queries in asked:
        now[0] += pause
        try:
            rates.take("a", queries)
        except TooManyRequestsError as refused:
            now[0] += refused.seconds + 1e-6
            rates.take("a", queries)
        given_ += queries
        assert given_ <= 20 + 3 * now[0] + 1e-3


def test_queries_and_the_items_of_batches_count(serve: Callable[..., Served]) -> None:
    """Beyond the rate the answer is 429 with the time to wait; what is no query passes."""
    served = serve(key_rate=0.001, key_burst=300)
    with served.client_with(Role.MATCHER) as matcher, served.client() as admin:
        batch = matcher.post("/v1/match/batch", json={"items": [SIGNALS] * 256})
        assert batch.status_code == 200
        refused = matcher.post("/v1/match/batch", json={"items": [SIGNALS] * 256})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert int(refused.headers["retry-after"]) > 1000
        answers = [matcher.post("/v1/match", json=SIGNALS).status_code for _ in range(45)]
        assert answers == [200] * 43 + [429] * 2  # the batch that was refused counted as one
        assert matcher.post("/v1/fingerprint", files={"file": b"x"}).status_code == 429
        assert matcher.get("/v1/status").status_code == 200
        assert admin.post("/v1/match", json=SIGNALS).status_code == 200
