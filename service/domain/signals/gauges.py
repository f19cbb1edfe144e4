"""What is said beside a signal, read from JSON: its quality on a scale, its code space."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from service.domain.errors import BadSignalError
from service.domain.signals.kinds import Grade

MAX_SPACES: Final = 8
"""Code spaces in which one item may have signals."""

_SPACE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


def read_spaces(name: str, value: object) -> Mapping[str, object]:
    """Code space to what is said of it. Raises ``BadSignalError``."""
    if not isinstance(value, Mapping):
        raise BadSignalError(f"{name} must map code spaces to hex")
    if len(value) > MAX_SPACES:
        raise BadSignalError(f"{name} of at most {MAX_SPACES} spaces, not {len(value)}")
    for space in value:
        if not isinstance(space, str) or not _SPACE.fullmatch(space):
            raise BadSignalError(
                f"{name}: a code space is 1 to 64 lower-case letters, digits, '.', '_' and '-'"
            )
    return value


def read_grade(name: str, value: object, grade: Grade) -> float | int | None:
    """A quality on the scale of ``grade``. Raises ``BadSignalError``."""
    if value is None:
        return None
    if grade.whole and isinstance(value, float) and value.is_integer():
        value = int(value)  # in JSON 97.0 is an integer
    right = isinstance(value, int if grade.whole else int | float) and not isinstance(value, bool)
    if not right or not 0 <= value <= grade.most:  # type: ignore[operator]
        what = "an integer" if grade.whole else "a number"
        raise BadSignalError(f"{name} must be {what} from 0 to {grade.most}")
    return value  # type: ignore[return-value]
