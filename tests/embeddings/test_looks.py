"""What a look takes of an image, and which names are looks."""

from __future__ import annotations

import pytest

from embeddings.network.looks import LOOKS, are_looks, middle_part


@pytest.mark.parametrize(
    ("side", "first", "last"), [(112, 17, 95), (111, 16, 94), (48, 7, 41), (1, 0, 1)]
)
def test_the_middle_has_seven_tenths_of_each_side(side: int, first: int, last: int) -> None:
    assert middle_part(side) == slice(first, last)


def test_names_of_looks() -> None:
    assert are_looks(LOOKS)
    assert are_looks(["turned"])
    others: list[object] = [
        [],
        ["whole", "whole"],
        ["whole", "x"],
        [["whole"]],
        "whole",
        None,
        3,
        {},
    ]
    assert not any(are_looks(names) for names in others)
