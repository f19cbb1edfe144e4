"""Who comes next, and who makes way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.http.door.load.queueing import FairQueue

WORK = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0.01, 100, allow_nan=False)), max_size=30
)


def anything(_: object) -> bool:
    return True


def order(queue: FairQueue[str]) -> list[str]:
    out = []
    while (item := queue.pop(anything)) is not None:
        out.append(item)
    return out


def test_two_keys_take_turns_however_much_one_sends() -> None:
    """By what their work costs, not by how often they ask."""
    queue: FairQueue[str] = FairQueue()
    for n in range(6):
        queue.push(f"much {n}", "much", 1)
    queue.push("little 0", "little", 1)
    queue.push("little 1", "little", 1)
    assert order(queue)[:5] == ["much 0", "little 0", "much 1", "little 1", "much 2"]
    for n in range(3):
        queue.push(f"large {n}", "large", 10)
    for n in range(12):
        queue.push(f"small {n}", "small", 1)
    got = order(queue)
    assert got.index("large 1") == 11  # after one large and ten small ones


def test_small_work_overtakes_large_work_of_the_same_key_but_not_for_ever() -> None:
    """Forty large ones that came before one small one do not hold it up; and a large one comes
    when as much was done as it costs, whatever small ones still come."""
    queue: FairQueue[str] = FairQueue()
    for n in range(40):
        queue.push(f"large {n}", "k", 64)
    queue.push("small", "k", 1)
    assert queue.pop(anything) == "small"
    done = 0
    while True:
        queue.push("another", "k", 1)
        if queue.pop(anything) == "large 0":
            break
        done += 1
    assert 60 <= done <= 64


def test_a_key_that_had_nothing_waiting_gains_nothing() -> None:
    """Nor does one lose by having been served alone."""
    queue: FairQueue[str] = FairQueue()
    for n in range(100):
        queue.push(f"early {n}", "early", 1)
        queue.pop(anything)
    for n in range(4):
        queue.push(f"early {n}", "early", 1)
        queue.push(f"late {n}", "late", 1)
    assert sorted(order(queue)[:4]) == ["early 0", "early 1", "late 0", "late 1"]


def test_what_does_not_fit_is_passed_over_and_keeps_its_place() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("large", "a", 5)
    queue.push("small", "a", 9)
    assert queue.pop(lambda item: item != "large") == "small"
    assert queue.pop(lambda _: False) is None
    assert order(queue) == ["large"]


def test_a_full_queue_makes_way_for_who_has_less_than_a_share() -> None:
    """The costliest of who has most; of equals the newest; and no key's own for as costly."""
    queue: FairQueue[str] = FairQueue()
    for n in range(8):
        queue.push(f"much {n}", "much", 1)
    worst = queue.crowded_by_number("little", 1, 8)
    assert worst is not None
    assert worst.item == "much 7"
    assert queue.crowded_by_number("much", 1, 8) is None
    cheaper = queue.crowded_by_number("much", 0.5, 8)
    assert cheaper is not None
    assert cheaper.item == "much 7"
    assert queue.crowded_by_cost("little", 5, 8) is None  # more than its share of two keys
    assert queue.crowded_by_cost("little", 4, 8) is worst


@given(WORK, st.data())
def test_nothing_is_lost_and_nothing_comes_twice(
    work: list[tuple[str, float]], data: st.DataObject
) -> None:
    """Whatever is taken out in between; costs add up."""
    queue: FairQueue[int] = FairQueue()
    waiting = [queue.push(n, key, cost) for n, (key, cost) in enumerate(work)]
    gone = data.draw(st.sets(st.sampled_from(range(len(work)))) if work else st.just(set()))
    for n in gone:
        assert queue.discard(waiting[n])
        assert not queue.discard(waiting[n])
    left = set(range(len(work))) - gone
    assert len(queue) == len(left)
    assert abs(queue.cost - sum(work[n][1] for n in left)) < 1e-6
    got = []
    while (item := queue.pop(anything)) is not None:
        got.append(item)
    assert sorted(got) == sorted(left)
    assert (len(queue), queue.cost) == (0, 0)


@given(WORK, st.sampled_from("abc"), st.floats(0.01, 100))
def test_room_is_always_found_for_who_keeps_to_a_share(
    work: list[tuple[str, float]], key: str, cost: float
) -> None:
    """No work is dropped for one that is then refused."""
    queue: FairQueue[int] = FairQueue()
    limit, dropped = 150.0, 0
    for n, (name, one) in enumerate(work):
        if queue.cost + one <= limit:
            queue.push(n, name, one)
    while queue and queue.cost + cost > limit:
        worst = queue.crowded_by_cost(key, cost, limit)
        if worst is None:
            assert not dropped
            break
        queue.discard(worst)
        dropped += 1
