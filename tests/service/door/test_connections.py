"""Who finds room, and who makes room for others."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.http.connections.connections import RESERVED, Connections

pytestmark = pytest.mark.slow

MOST, PER_ADDRESS = 20, 12


def test_the_connection_that_waited_longest_makes_room() -> None:
    """Of the address that has most of them, whoever comes."""
    connections: Connections[str] = Connections(MOST, PER_ADDRESS)
    for n in range(8):
        assert connections.open(f"few {n}", "a") == (True, None)
    for n in range(12):
        assert connections.open(f"many {n}", "b") == (True, None)
    assert connections.open("new", "c") == (True, "many 0")
    assert connections.open("newer", "c") == (True, "many 1")
    assert len(connections) == MOST


def test_an_address_at_its_limit_makes_room_itself() -> None:
    """One that is being answered is left alone, and one that began to wait later goes later."""
    connections: Connections[int] = Connections(1000, PER_ADDRESS)
    for n in range(PER_ADDRESS):
        connections.open(n, "a")
    connections.begin(0, "a")
    connections.begin(1, "a")
    connections.end("a")
    connections.wait(1)
    assert [connections.open(100 + n, "a")[1] for n in range(3)] == [2, 3, 4]
    for n in range(8):
        connections.open(200 + n, "a")
    assert connections.open(300, "a") == (True, 100)


def test_nobody_makes_room_who_is_being_answered() -> None:
    """Then there is none."""
    connections: Connections[int] = Connections(1000, PER_ADDRESS)
    for n in range(PER_ADDRESS):
        connections.open(n, "a")
        connections.begin(n, "a")
    assert connections.open(100, "a") == (False, None)
    assert connections.open(100, "b") == (True, None)


def test_the_last_places_are_for_health() -> None:
    """In all, and of each address: requests of other kinds find no room there."""
    connections: Connections[int] = Connections(MOST, PER_ADDRESS)
    taken = 0
    while connections.room("a"):
        connections.open(taken, "a")
        connections.begin(taken, "a")
        taken += 1
    assert taken == PER_ADDRESS - RESERVED
    while connections.room("b"):
        connections.open(taken, "b")
        connections.begin(taken, "b")
        taken += 1
    while connections.room("c"):
        connections.open(taken, "c")
        connections.begin(taken, "c")
        taken += 1
    assert taken == MOST - RESERVED


def test_connections_of_a_proxy_count_in_all_alone() -> None:
    """Its requests count for those it speaks for."""
    connections: Connections[int] = Connections(MOST, PER_ADDRESS)
    for n in range(MOST):
        assert connections.open(n, "proxy", counted=False) == (True, None)
    assert connections.open(100, "proxy", counted=False) == (True, 0)
    for n in range(1, 1 + PER_ADDRESS - RESERVED):
        assert connections.room("client")
        connections.begin(n, "client")
    assert not connections.room("client")
    assert connections.room("another")


class Comings(RuleBasedStateMachine):
    """Connections come, ask, are answered and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: Connections[int] = Connections(MOST, PER_ADDRESS)
        self.open: dict[int, str] = {}
        self.asking: dict[int, str] = {}
        self.next = 0

    @rule(address=st.sampled_from("abc"))
    def comes(self, address: str) -> None:
        self.next += 1
        room, victim = self.connections.open(self.next, address)
        if victim is not None:
            assert victim not in self.asking
            del self.open[victim]
        if room:
            self.open[self.next] = address
        else:
            held = sum(1 for one in self.open.values() if one == address)
            assert held == PER_ADDRESS or len(self.open) == MOST

    @rule(pick=st.integers(0, 30))
    def asks(self, pick: int) -> None:
        waiting = sorted(self.open.keys() - self.asking.keys())
        if waiting:
            one = waiting[pick % len(waiting)]
            self.connections.begin(one, self.open[one])
            self.asking[one] = self.open[one]

    @rule(pick=st.integers(0, 30))
    def is_answered(self, pick: int) -> None:
        if self.asking:
            one = sorted(self.asking)[pick % len(self.asking)]
            self.connections.end(self.asking.pop(one))
            self.connections.wait(one)

    @rule(pick=st.integers(0, 30))
    def goes(self, pick: int) -> None:
        if self.open:
            one = sorted(self.open)[pick % len(self.open)]
            if one in self.asking:
                self.connections.end(self.asking.pop(one))
            self.connections.close(one)
            self.connections.close(one)  # told twice
            del self.open[one]

    @invariant()
    def limits_are_kept_and_nothing_is_forgotten(self) -> None:
        assert len(self.connections) == len(self.open) <= MOST
        assert self.connections.busy == len(self.asking)
        for address in "abc":
            assert sum(1 for one in self.open.values() if one == address) <= PER_ADDRESS


TestComings = Comings.TestCase
TestComings.settings = settings(max_examples=60, deadline=None)
