"""Settings every test runs under."""

from __future__ import annotations

import os

from hypothesis import settings

# Two test processes on two cores: a thread pool in each would only make them fight.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The same examples in every run, and no failure because the machine is busy.
settings.register_profile("lookalike", deadline=None, derandomize=True)
settings.load_profile("lookalike")
