# %% [markdown]
# # 3. Operating point
#
# **This notebook answers:** which radius should a bank have, what will it find, how many false
# alerts a day will it cost, and how sure is that?
#
# This is about *distances*: PDQ's, and the code's where a query brings no descriptor. An
# image is judged by its score, whose threshold is calibrated in the same way by `python -m
# evaluation.radii.calibration`; a bank that is given a code radius and no `score` goes by
# that radius alone.
#
# About a minute on two cores. It ends with a bank policy file that `lookalike policy` puts in
# force. A radius measured on the few sample images is an *example*: name a folder or a tar of
# your own below (or in `LOOKALIKE_IMAGES`), free of duplicates. Use ordinary images only.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from evaluation.base.policies import IMAGERY
from evaluation.notebooks.workbench import open_workbench
from evaluation.radii.calibration.pairs import count_pairs
from evaluation.radii.calibration.rates import pairs_needed
from evaluation.radii.operating import choice, curves, policy, tails
from evaluation.showing import frames, plots
from evaluation.speed.index.code_sets import random_codes

IMAGES = None  # a folder or tar of your own; None: LOOKALIKE_IMAGES, else the samples
MANIFEST = None  # a CSV with name and kind (photo, nonphoto); None: LOOKALIKE_MANIFEST, if set
EDITS = 6  # of each family, for every image: more copies, more pairs, more time

UPLOADS = 10_000  # a day
ENTRIES = 1_000  # on the list
ALERTS = 100  # false ones a day that people can look at

BANKS = {"photographs": "photographic", "drawings": "non_photographic"}  # name: imagery
POLICY = None  # a file to write the policy to; None: it is only shown
RESULTS = None  # a folder to keep the curves in, as Parquet; None: they are not kept

pd.options.display.float_format = "{:.3g}".format
bench = open_workbench(IMAGES, MANIFEST)
bench

# %% [markdown]
# ## True and untrue pairs
#
# Every edited copy is compared with every listed image. One pair a copy is true; all others are
# untrue, and any of those within the radius is a false match. Rates are *per pair*: unlike a
# rate per query they do not depend on how long the list is. Pairs are counted as they come, by
# distance, so that hundreds of millions need no more memory than these.

# %%
hashed = bench.hashed(bench.split(EDITS))
pairs = bench.pairs(hashed)
plots.distances(pairs, bench.radii)

# %% [markdown]
# ## How far can so many pairs see?
#
# Rates below about one in the number of pairs cannot be measured, only extrapolated. The table
# says how many images would *measure* a rate, if none of their pairs matched.

# %%
seen = max(int(one.grouped("any").sum()) for one in pairs)
print(f"{seen:,} untrue pairs here: none within a radius shows a rate below {3.7 / seen:.1e}")
pd.DataFrame(
    {
        "rate per pair": rate,
        "pairs needed": f"{pairs_needed(rate):,}",
        "images needed": f"{choice.images_needed(rate, edits=3 * EDITS):,}",
    }
    for rate in (1e-4, 1e-5, 1e-6, 1e-7)
)

# %% [markdown]
# ## May a tail be extrapolated?
#
# A test where the truth is known: unrelated random codes, whose distances are those of 256
# coins. From a million pairs the tail is fitted and carried down by four powers of ten. The
# interval comes from fitting again to groups of codes drawn with replacement, by two forms of
# the tail, and it should hold the black line. It does not know of what no image here shows:
# near-identical pictures that are not copies (notebook 4) have a rate of their own.

# %%
rng = np.random.default_rng(0)
count = 200 if bench.small else 1_000
groups = np.arange(count) % 20
left, right = random_codes(count, rng), random_codes(count, rng)
coins = count_pairs(left, groups, right, groups, 20).histogram
truth = stats.binom.cdf(np.arange(257), 256, 0.5)
plots.extrapolation_check(
    tails.tail(coins),
    coins.sum(axis=(0, 1)),
    truth,
    "Unrelated random codes: a tail with known truth",
)

# %% [markdown]
# ## ROC and DET, where it counts
#
# Recall against the false rate per pair, down to a thousand-millionth. Solid is measured,
# dashed is extrapolated, the shade is the 95% interval of the false rate. However steep a tail,
# so many pairs vouch for no upper end more than a hundred times below what they show
# themselves. The mark is the shipped radius, the grey line the rate that the numbers above
# allow.

# %%
target = choice.target_rate(ALERTS, UPLOADS, ENTRIES)
by_imagery = {
    (one.space.name, imagery): curves.curve(one, imagery) for one in pairs for imagery in IMAGERY
}
overall = [curve for (_, imagery), curve in by_imagery.items() if imagery == "any"]
if RESULTS:
    kept = pd.concat(by_imagery.values(), ignore_index=True)
    kept.attrs = bench.provenance(command="03_operating_point", edits_per_family=EDITS)
    frames.save(kept, Path(RESULTS) / "operating.parquet")
print(f"{ALERTS} alerts a day, {UPLOADS:,} uploads, {ENTRIES:,} entries: {target:.1e} per pair")
plots.roc_and_det(overall, bench.radii, target)

# %% [markdown]
# ## False alerts a day
#
# Uploads × entries × rate. Ten times the list is ten times the alerts at the same radius: a
# radius is right for a list of a size, and wants another look when the list grows.

# %%
expected = {
    str(curve["space"].iloc[0]): curves.alerts(curve, UPLOADS, ENTRIES) for curve in overall
}
plots.alerts_a_day(expected, ALERTS, f"{UPLOADS:,} uploads a day against {ENTRIES:,} entries")

# %% [markdown]
# ## Which radius
#
# The largest radius whose *upper* end keeps to the rate; never more than the makers of PDQ
# advise, nor than the bits up to which an index is fast. `basis` says whether its false rate
# was measured or extrapolated. A radius of -1: these images cannot vouch for any radius at that
# rate, and no lucky one is suggested.

# %%
rates = sorted({1e-4, 1e-5, 1e-6, 1e-7, target}, reverse=True)
columns = ["space", "target", "radius", "recall", "recall_low", "recall_high"]
columns += ["false_high", "basis"]
choice.table(choice.choose(curve, rate) for curve in overall for rate in rates)[columns]

# %% [markdown]
# By imagery, at the rate above: kinds with too few pairs of their own fall back on `any`.

# %%
chosen = [choice.choose(curve, target) for curve in by_imagery.values()]
choice.table(chosen)[["imagery", *columns, "pairs"]]

# %% [markdown]
# ## The policy file
#
# The radii as banks, with where they come from. `action` is what a PDQ match asks for; a code
# alone asks for review whatever it says, and a digest blocks. Codes in these banks are
# matched by distance: take `code` out, or add a `score`, where images should be judged by
# score as shipped. Imagery for which nothing was chosen takes the radius of `any`; a signal
# without any takes the service's default.

# %%
document = policy.document(BANKS, chosen, data=bench.corpus.name, command="03_operating_point")
if POLICY:
    policy.write(document, Path(POLICY))
print(policy.text(document, ["format", "banks"]))

# %% [markdown]
# ## What to do next
#
# - Measure on your own images: `IMAGES` above; thousands of them for a rate of 1e-6 or less.
# - Set `POLICY` above, then `lookalike policy FILE --dry-run` shows what would change and
#   `lookalike policy FILE` puts it in force; a running server follows within two seconds.
# - What no rate tells: near-identical pictures, templates, pages of text → `04_hard_cases`
# - More entries cost time too → `05_index_speed`
