"""Bank policy files: what such a document is, for what writes one and for what puts it in force.

A JSON object::

    {"format": "lookalike-policy-1",
     "banks": [{"name": "photographs", "action": "review", "imagery": "photographic",
                "radius": {"pdq": 31, "code": {"photographic": 40, "any": 36}}}],
     "provenance": {"space": "…", "data": "…", "target": 1e-7, "points": […], …}}

Each of ``banks`` holds what ``POST /v1/banks`` takes; what is absent stays as it is, or is the
default of a new bank. ``provenance`` is for people, but for ``space``, the code space that the code
radii belong to, and ``points``, of which each says on what basis its rate rests.
``radii.operating.policy`` writes it, ``service.cli.policy_file`` reads it within limits. Loads
nothing, so that reading one needs none of what measuring does.
"""

from __future__ import annotations

from typing import Final, Literal

PolicyFormat = Literal["lookalike-policy-1"]
FORMAT: Final[PolicyFormat] = "lookalike-policy-1"

Imagery = Literal["photographic", "non_photographic", "any"]
IMAGERY: Final[tuple[Imagery, ...]] = ("photographic", "non_photographic", "any")

UNMEASURED: Final = ("extrapolated", "bounded")
"""Bases of rates that were not measured."""
