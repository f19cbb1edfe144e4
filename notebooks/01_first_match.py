# %% [markdown]
# # 1. First match
#
# **This notebook answers:** what is a fingerprint, how is a copy told from a stranger, and what
# does a match look like, bit by bit?
#
# It takes seconds. It runs on the sample images that come with the project; name a folder or a
# tar of your own below (or in `LOOKALIKE_IMAGES`) to run it on those. Use ordinary images only.

# %%
import numpy as np
import pandas as pd

from embeddings.codes import scores
from embeddings.edits import colour, compression, geometry
from embeddings.fingerprint import Fingerprinter
from embeddings.network.imagery import load_imagery
from evaluation.copies.edits import generator
from evaluation.notebooks.workbench import open_workbench
from evaluation.showing import plots
from evaluation.showing.plots.pictures import Bits, Compared
from index.flat.flat_index import FlatIndex

IMAGES = None  # a folder or tar of your own; None: LOOKALIKE_IMAGES, else the samples

bench = open_workbench(IMAGES, at_most=200, readable=True)
pd.options.display.max_colwidth = 80
bench

# %% [markdown]
# ## A fingerprint
#
# An image's bytes become digests, which find the same file and nothing else. Its pixels become
# two hashes of 256 bits: PDQ, which hotlines ship, and the learnt code. `quality` says whether
# the picture has structure enough for those to mean anything, `photographic` how likely it is a
# photograph. A code belongs to a *code space*: codes of two spaces are never compared.

# %%
first = Fingerprinter([bench.encoder], load_imagery()).fingerprint(bench.corpus.read(0))
pd.Series(
    {
        "image": bench.corpus.items[0].name,
        "sha256": first.sha256,
        "pdq": first.pdq.hex(),
        f"code of {bench.space}": first.codes[bench.space].hex(),
        "PDQ's own quality, 0 to 100": first.pdq_quality,
        "quality, 0 to 1": round(first.structure, 2),
        "photographic, 0 to 1": round(first.photographic, 2),
    }
).to_frame("fingerprint")

# %% [markdown]
# ## An index
#
# Every image is listed: its hashes stand in an index under a number. The code of a listed
# image is made over several *looks* of it (blurred, in grey, parts of it), that of a query
# over the image alone. A search gives everything within a *radius*, an inclusive number of
# bits. This index compares with every entry; the service's gives the same answers without
# reading most of them (notebook 5).

# %%
listed = bench.list_all()
ids = np.arange(len(bench.corpus))
bank = np.zeros(len(ids), np.int32)  # all in one bank

indexes = {space: FlatIndex() for space in bench.radii}
for space, index in indexes.items():
    index.add(ids, listed[space].values, bank)
{space: index.stats().entries for space, index in indexes.items()}

# %% [markdown]
# ## Copies
#
# Three of the listed images come back changed: one mirrored, one cropped, one brighter and
# crushed by JPEG. A hash whose title is bold lies within its radius. Neither hash finds
# everything: what one misses the other often finds.

# %%
chosen = [len(ids) * part // 6 for part in (0, 3, 5)]
rng = generator(0, "first match", "copies")
originals = [bench.corpus.image(number) for number in chosen]
edits = ["mirrored", "cropped to 90%", "brighter, JPEG quality 15"]
copies = [
    geometry.mirror(originals[0]),
    geometry.crop(originals[1], 0.9, rng),
    compression.jpeg(colour.brightness(originals[2], 1.2), 15),
]
asked = bench.hash(copies)


def compared(row: int, number: int) -> Compared:
    """One copy beside what it is a copy of, with the bits of both hashes."""
    bits = [
        Bits(
            space,
            listed[space].values[number].tobytes(),
            asked[space].values[row].tobytes(),
            radius,
        )
        for space, radius in bench.radii.items()
    ]
    return Compared(originals[row], copies[row], "listed", edits[row], bits)


plots.bit_difference([compared(row, number) for row, number in enumerate(chosen)])

# %% [markdown]
# ## What the index answers
#
# Each copy is searched among all listed images, by each hash at the radius it is shipped with
# (the code's is for queries that bring nothing but a code). `nearest other` is the closest
# image that is *not* the right one: a search at that radius or beyond would be wrong.

# %%
answers = []
for row, number in enumerate(chosen):
    for space, index in indexes.items():
        query = asked[space].values[row : row + 1]
        hits = index.search(query, bench.radii[space]).of(0)
        others = [hit for hit in index.nearest(query, 2).of(0) if hit.id != number]
        answers.append(
            {
                "copy": edits[row],
                "hash": space,
                "radius, bits": bench.radii[space],
                "found": [bench.corpus.items[hit.id].name for hit in hits],
                "at, bits": [hit.distance for hit in hits],
                "nearest other, bits": others[0].distance,
            }
        )
pd.DataFrame(answers)

# %% [markdown]
# ## The score
#
# A code keeps the signs of 256 numbers and drops how large each was. Of a *query* the numbers
# are at hand, as 256 signed bytes, and a sign of which the network was hardly sure should
# weigh little. So listed codes that lie near are judged by their **score**: the sum of the
# query's bytes, each taken with the listed code's sign. Higher is more alike, strangers lie
# about 0, and it is an integer that anyone can compute again. This is what decides about an
# image.

# %%
least = bench.encoder.info.scores["any"]
judged = []
for row, number in enumerate(chosen):
    descriptor = asked[f"{bench.space} score"].values[row : row + 1]
    points = scores(descriptor, listed[bench.space].values)[0]
    judged.append(
        {
            "copy": edits[row],
            "threshold": least,
            "its own score": points[number],
            "match": points[number] >= least,
            "best other": np.delete(points, number).max(),
        }
    )
pd.DataFrame(judged)

# %% [markdown]
# ## A stranger
#
# Two unrelated images differ in about half of their bits, as two throws of 256 coins would.
# That gap is what makes a radius possible. How often strangers come close by chance is the
# subject of notebook 3.

# %%
other = bench.hash(originals[1:2])
stranger = Compared(
    originals[0],
    originals[1],
    "listed",
    "a stranger",
    [
        Bits(
            space,
            listed[space].values[chosen[0]].tobytes(),
            other[space].values[0].tobytes(),
            radius,
        )
        for space, radius in bench.radii.items()
    ],
)
plots.bit_difference([stranger])

# %% [markdown]
# ## What to do next
#
# - How much of what comes back is found, and after which edits is it lost? → `02_recall`
# - Which radius should your banks have? → `03_operating_point`
# - On the command line: `lookalike hash FOLDER --jsonl` makes a list of your images, `lookalike
#   import` puts it in force, `lookalike match FILE` asks.
