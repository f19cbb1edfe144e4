"""``lookalike-eval``, run in this process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evaluation.programs.app import main


def run(arguments: Sequence[str]) -> int:
    """The status that a command ends with."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code if isinstance(ended.value.code, int) else 0
