# %% [markdown]
# # 5. Index speed
#
# **This notebook answers:** how long does a query take with how many entries and at which
# radius, how far is that from the least a scan can take, and what machine does a list need?
#
# It takes seconds: it draws a benchmark that was run before. To measure on your own machine,
# run `lookalike-eval index-sweep sweep.json` (an hour) and name that file below.

# %%
from pathlib import Path

import pandas as pd

from evaluation.showing import plots
from evaluation.speed.index import index_speed

SWEEP = Path("data/index_speed.json")  # what `evaluation.speed.index.sweep` wrote

pd.options.display.float_format = "{:,.3g}".format
sweep = index_speed.read(SWEEP)
gigabytes = sweep.bytes_read_per_second / 1e9
print(f"{sweep.machine}, {sweep.date}: one core reads {gigabytes:.1f} GB a second from memory")

# %% [markdown]
# ## What was measured
#
# Times are of one query at a time on one thread, every engine on the same queries in the same
# minutes, so ratios can be trusted more than milliseconds. `random` codes are the kindest case;
# `clustered` ones gather round the codes of edited images, as real ones do. Every engine's
# answers are compared with a full scan's: `recall` below 1 means that it misses matches.

# %%
sweep.rows.groupby(["engine", "data"]).agg(
    points=("p50_ms", "size"),
    most_entries=("entries", "max"),
    worst_recall=("recall", "min"),
    bytes_per_code=("bytes_per_code", "median"),
)

# %% [markdown]
# ## Latency against entries
#
# The dotted line is the floor of any scan: reading every code once, as fast as the machine
# reads memory. An index that answers below it does not read every code. Both axes are
# logarithmic.

# %%
radius = index_speed.radius_compared(sweep)
plots.latency_by_entries(sweep.rows, radius, sweep.bytes_read_per_second)

# %% [markdown]
# ## Latency against the radius
#
# A wide radius leaves an exact index less and less to skip, until a scan is the exact answer.
# This is why notebook 3 proposes no radius beyond the bits where the index is still fast.

# %%
entries = index_speed.entries_compared(sweep)
plots.latency_by_radius(sweep.rows, entries, sweep.bytes_read_per_second)

# %%
ours = sweep.rows[(sweep.rows["engine"] == "lookalike") & (sweep.rows["entries"] == entries)]
ours.pivot_table(index="radius", columns="data", values=["p50_ms", "flat_ratio_p50"])

# %% [markdown]
# ## Memory

# %%
plots.memory_by_entries(sweep.rows)

# %% [markdown]
# ## Sizing a machine
#
# For a list and a traffic of your own. A list has two rows for an entry with PDQ and a code,
# and each upload asks both indexes. Cores are for searching alone, busy half of the time;
# decoding and encoding an upload costs far more than searching (`lookalike bench encode`), and
# the machine must hold the model, the store and the operating system besides.

# %%
TRAFFIC = 50  # uploads a second

sizes = [
    size for size in (10_000, 100_000, 1_000_000, 3_000_000) if index_speed.reaches(sweep, size)
]
pd.DataFrame([vars(index_speed.size(sweep, size, radius, TRAFFIC)) for size in sizes])

# %% [markdown]
# ## What to do next
#
# - Measure here: `lookalike bench index --entries 1000000 --radius 31` compares with a scan in
#   one run.
# - What the whole service does with an upload: `lookalike bench serve`, `lookalike bench
#   encode`.
# - The radius decides cost as well as alerts → `03_operating_point`
