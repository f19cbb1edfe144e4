# %% [markdown]
# # 2. Recall
#
# **This notebook answers:** which share of edited copies is found, after which edits and up to
# which strength, for photographs and for drawings, by PDQ, by the learnt code (its distance, and
# its score) and by both?
#
# About a minute on two cores. It runs on the sample images that come with the project, which
# are *few*: the intervals say how little they settle. Name a folder or a tar of your own below
# (or in `LOOKALIKE_IMAGES`); folders called `photo/` and `nonphoto/` inside it, or a CSV with
# `name` and `kind`, tell photographs from the rest. Use ordinary images only.

# %%
from pathlib import Path

from evaluation.copies import strengths
from evaluation.notebooks.workbench import open_workbench
from evaluation.showing import frames, plots

IMAGES = None  # a folder or tar of your own; None: LOOKALIKE_IMAGES, else the samples
MANIFEST = None  # a CSV with name and kind (photo, nonphoto); None: LOOKALIKE_MANIFEST, if set
RESULTS = None  # a folder to keep the numbers in, as Parquet; None: they are not kept

bench = open_workbench(IMAGES, MANIFEST)
bench

# %% [markdown]
# ## The measurement
#
# Six images in ten are listed (*references*). Edited copies of them must be found; edited
# copies of the others (*strangers*) must not, so every false match is known to be false. Edits
# come in three families: `mild` (recompressed, resized, captioned), `heavy` (one strong edit:
# half cropped away, mirrored, a screenshot), `chains` (three heavy ones after another).
#
# These are the numbers that `lookalike evaluate` prints, as a tidy frame: one number a row.

# %%
measured = bench.evaluate()
if RESULTS:
    frames.save(measured, Path(RESULTS) / "recall.parquet")
print(f"{len(measured):,} numbers")
measured[measured["metric"] == "recall as shipped"].head()

# %% [markdown]
# ## As shipped
#
# A copy counts as found if either hash matches as shipped: what the service does before
# anyone sets a radius of their own. An image is judged by PDQ and by the code's *score*;
# where a platform sends bare codes, by PDQ and the code's distance. Bars hold 95% of a
# bootstrap over source images, since all copies of one image stand and fall together. A mark
# without a bar is no certainty: every image drawn agreed, and there are few.

# %%
plots.recall_by_part(measured, "recall as shipped", "Recall as shipped")

# %% [markdown]
# ## PDQ, the code by distance and by score, and both
#
# To compare signals fairly each gets the radius at which one in a hundred strangers' copies is
# falsely matched. Radii are chosen on one half of the images and measured on the other, then
# the halves change places. The radius of a score is what it falls short of 8,192, the most there
# is.

# %%
plots.recall_by_part(
    measured, "recall, radii chosen", "Recall where 1% of strangers' copies may match"
)

# %%
part = (measured["metric"] == "recall, radii chosen") & (measured["family"] == "all")
columns = ["flagged_by", "kind", "value", "low", "high", "radius"]
measured.loc[part, columns].round(3).reset_index(drop=True)

# %% [markdown]
# ## Where each signal stops: edit and strength
#
# The same edit, weak to strong; the number in a cell is the edit's own measure. Yellow is
# found, dark is missed, as shipped: by PDQ, by the code's score, by either. PDQ keeps what
# keeps the layout (recompression, noise, colours) and loses what moves it (crops, turns,
# borders); the code is trained for the second.

# %%
distances = bench.climb(at_most=24)
by_strength = strengths.recall(distances, bench.limits, samples=bench.samples)
plots.heat_map(by_strength, {ladder.name: ladder.unit for ladder in strengths.LADDERS})

# %%
one_off = strengths.ALL_OR_NOTHING
plots.one_off_edits(by_strength, one_off.name, [name for name, _ in one_off.rungs])

# %% [markdown]
# ## Photographs and non-photographs
#
# The same rungs, told apart by kind. Weak spots of one kind that the other does not have argue
# for a radius of its own (notebook 3). `count` is how many copies a share stands on.

# %%
by_kind = strengths.recall(distances, bench.limits, by=["kind", "ladder"], samples=bench.samples)
spread = by_kind.pivot_table(
    index="ladder", columns=["flagged_by", "kind"], values="value", sort=False
)
spread.round(2)

# %% [markdown]
# ## Where the numbers come from

# %%
frames.origin(measured, ["data", "spaces", "software", "seed", "edits_per_family"]).to_frame("")

# %% [markdown]
# ## What to do next
#
# - Run it on a thousand images of your own: set `IMAGES` above, or `lookalike evaluate --images
#   DIR --parquet recall.parquet` for the same numbers without a notebook.
# - Recall means nothing without false matches → `03_operating_point`
# - Look at what was missed → `04_hard_cases`
