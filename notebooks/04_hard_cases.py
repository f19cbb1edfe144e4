# %% [markdown]
# # 4. Hard cases
#
# **This notebook answers:** what is missed, what collides although it is no copy, and what
# helps: `quality`, an allow bank, a smaller radius, a person's look?
#
# Half a minute on two cores. All images are drawn by code or come with the project; the last
# part looks for collisions among images of your own (`IMAGES` below, or `LOOKALIKE_IMAGES`).
# Use ordinary images only.

# %%
import pandas as pd

from evaluation.copies import hard_cases
from evaluation.notebooks.workbench import open_workbench
from evaluation.radii.operating.misses import misses
from evaluation.showing import plots
from service.domain.search import Found
from service.policy.matching import decide
from service.store import Action, Bank, Policy

IMAGES = None  # a folder or tar of your own; None: LOOKALIKE_IMAGES, else the samples

bench = open_workbench(IMAGES, at_most=200, readable=True)
each = 3 if bench.small else 6
bench

# %% [markdown]
# ## Five families that any matcher finds hard
#
# Pictures with hardly anything in them, pages of text set alike, logos, one meme template under
# different words, and a burst of nearly the same photograph. Apart from the last two, no image
# is a copy of another. Below each: its `quality`.

# %%
cases = list(hard_cases.cases(each))
facts = hard_cases.qualities(cases, bench.hashers)
plots.contact_sheet(
    [
        (case.image, f"{case.name}\nquality {quality:.2f}")
        for case, quality in zip(cases, facts["quality"], strict=True)
    ],
    columns=each,
)

# %% [markdown]
# ## Quality: what is not matched at all
#
# A blank page is near every other blank page. Images below the bound match by digest only, as
# queries and as list entries, and the answer says so (`coverage`). The bound takes out what is
# empty; what is merely simple (a logo, a circle) stays in, and may collide.

# %%
ordinary = [
    hard_cases.Case(bench.corpus.name, item.name, bench.corpus.image(place))
    for place, item in enumerate(bench.corpus.items)
]
plots.quality_strip(pd.concat([facts, hard_cases.qualities(ordinary, bench.hashers)]))

# %%
facts.loc[facts["quality"] < 0.4, ["label", "quality", *bench.radii]].round(2)

# %% [markdown]
# ## What collides
#
# Every pair within a family, one of the two listed, the other asked for, by PDQ and by the
# code's score; dark is near, a dot is a match as shipped. A burst and a template *should*
# collide if you ask for copies; whether you want that is your policy. Pages and logos should
# not; where they do, no radius tells them apart, and listing one page lists them all.

# %%
pairs = hard_cases.pairs(cases, bench.hashers, bench.shipped)
plots.collision_matrices(pairs, hard_cases.FAMILIES, bench.shipped)

# %% [markdown]
# ## Clusters of false positives
#
# Collisions join up: one page near two others makes a cluster of three, and a single listed
# page would flag them all. If a cluster is listed, or a template is, its false alerts come in
# floods, and they break what notebook 3 extrapolates: such pairs have a rate of their own.

# %%
grouped = hard_cases.clusters(pairs)
sizes = grouped.groupby("cluster")["label"].agg(images="size", members=", ".join)
pd.options.display.max_colwidth = 90
sizes if len(sizes) else "no two of these images collide"

# %% [markdown]
# The nearest pairs of *different* families, which nothing excuses. `beyond` is how far they
# are from a match, as a share of all distances there are; 0 or less is one:

# %%
apart = pairs[(pairs["left_family"] != pairs["right_family"]) & pairs["matchable"]]
apart.sort_values("beyond").head(6)[["left", "right", "apart", "beyond", "collides"]].round(3)

# %% [markdown]
# ## What an allow bank does
#
# A template or a press photograph that keeps raising alerts can be put on a bank whose action
# is `allow`. It acts on the exact file only: another copy of the template still matches. That
# is on purpose: an allow entry must never become a way to unblock a listed image. And where the
# file's digest is itself listed, the verdict is `review`, not silence.

# %%
made = pd.Timestamp("2026-01-01", tz="UTC").to_pydatetime()
banks = {
    1: Bank(1, "listed", Policy(Action.BLOCK), made, made),
    2: Bank(2, "known good", Policy(Action.ALLOW), made, made),
}
by_digest, by_pdq = Found(10, 1, "sha256", "", 0, 0), Found(11, 1, "pdq", "", 12, 31)
allowed = Found(20, 2, "sha256", "", 0, 0)
found = {
    "a copy of the template, near a listed one": [by_pdq],
    "the very file that the allow bank holds, near a listed one": [by_pdq, allowed],
    "that file, and its digest is listed too": [by_digest, by_pdq, allowed],
}
pd.Series({case: decide(rows, banks).verdict.value for case, rows in found.items()}).to_frame(
    "verdict"
)

# %% [markdown]
# ## What is missed
#
# Copies of your images (here: the samples) that nothing finds as shipped, neither PDQ nor the
# code's score: what each was made from on the left, the copy on the right. Most are small crops,
# turns and strange colours, or several heavy edits at once.

# %%
split = bench.split()
missed = misses(bench.corpus, split, bench.hashed(split), bench.shipped, at_most=6)
sheet = [(one.original, one.copy, one.text) for one in missed]
plots.pairs_sheet(sheet) if sheet else "every copy was found"

# %% [markdown]
# ## Among your own images
#
# Which of them, unedited, collide with one another? Duplicates in a folder are found this way
# too, and spoil notebook 3 if they stay.

# %%
among = hard_cases.pairs(ordinary, bench.hashers, bench.shipped)
hits = among[among["collides"]].sort_values("beyond")
hits.head(10)[["left", "right", "apart"]] if len(hits) else "none of them collide"

# %% [markdown]
# ## What to do next
#
# - Take duplicates out of your folder, then set radii → `03_operating_point`
# - List blank and near-blank images by digest only; an import says which entries those are.
# - Keep pages of text off lists of codes, or list them by digest and PDQ only.
# - Put what keeps raising alerts on an `allow` bank, file by file; keep pages and logos for
#   people.
