"""A bank policy file of the radii chosen here, which ``lookalike policy`` puts in force.

``evaluation.base.policies`` says what such a document is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.base.errors import CalibrationError, ReportError
from evaluation.base.policies import FORMAT, IMAGERY
from evaluation.base.provenance import machine, software
from evaluation.base.results import plain
from evaluation.radii.operating.choice import ChosenRadius


def document(
    banks: Mapping[str, str],
    choices: Iterable[ChosenRadius],
    *,
    data: str,
    action: str = "review",
    command: str = "",
) -> dict[str, Any]:
    """The policy of ``banks`` (name to imagery: ``photographic``, ``non_photographic``, ``any``).

    Each bank gets the PDQ radius of its imagery (else of ``any``), and the code radius of every
    imagery a query may have. A signal for which no radius keeps to its target is left out: it takes
    its default, and where that is so of all, a bank keeps the radii it has. ``data``: what was
    measured. Raises ``CalibrationError`` for an imagery that is none, or if codes of two spaces
    were chosen for: a bank has one code radius.
    """
    chosen = [one for one in choices if one.radius >= 0]
    spaces = sorted({one.space for one in chosen if one.signal == "code"})
    if len(spaces) > 1:
        raise CalibrationError(f"a bank has one code radius, not one for each of {spaces}")
    pdq = {one.imagery: one.radius for one in chosen if one.signal == "pdq"}
    code = {one.imagery: one.radius for one in chosen if one.signal == "code"}
    rows = []
    for name, imagery in banks.items():
        if imagery not in IMAGERY:
            raise CalibrationError(f"bank {name!r}: {imagery!r} is not one of {', '.join(IMAGERY)}")
        radius: dict[str, Any] = {"code": code} if code else {}
        if imagery in pdq or "any" in pdq:
            radius["pdq"] = pdq.get(imagery, pdq.get("any"))
        row = {"name": name, "action": action, "imagery": imagery}
        # An empty one would put a bank's own radii back to the defaults.
        rows.append({**row, "radius": radius} if radius else row)
    return {
        "format": FORMAT,
        "banks": rows,
        "provenance": {
            "data": data,
            "space": spaces[0] if spaces else None,
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine(),
            "software": software(),
            "command": command,
            "points": [plain(dataclasses.asdict(one)) for one in chosen],
        },
    }


def write(policy: Mapping[str, Any], path: Path) -> None:
    """Write a policy file. Raises ``ReportError`` if that fails."""
    try:
        path.write_text(text(policy), encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error.strerror})") from error


def text(policy: Mapping[str, Any], parts: Sequence[str] = ()) -> str:
    """The document as JSON; ``parts``: only these of its keys, to be looked at."""
    shown = {key: policy[key] for key in parts} if parts else dict(policy)
    return json.dumps(shown, indent=1, allow_nan=False) + "\n"
