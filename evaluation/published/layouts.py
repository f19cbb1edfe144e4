"""Where DISC21 and Copydays keep what, as released and as commonly unpacked.

DISC21 (Image Similarity Challenge 2021): folders of references ``R000000.jpg``, queries
``Q00000.jpg`` and training images ``T000000.jpg``, and a ground truth in CSV, ``query_id,
reference_id`` a line, with or without that header; a query without a copy is absent or has an empty
reference. The development queries are also called validation; the final ones came with phase 2.

Copydays: folders ``original``, ``strong``, ``jpegqual/N`` (or ``jpeg/N``) with N the quality, and
``crops/N`` with N the percentage cut away. The first four digits of a file's name are those of its
original.

Folders are read as any corpus is: links are not followed, other files passed over, names only
compared. It knows nothing of encoders or metrics.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from evaluation.base.errors import PublishedSetError
from evaluation.corpora.corpus import Corpus, open_corpus

Queries = Literal["dev", "final"]

_REFERENCES: Final = ("references", "reference_images", "val_ref")
_TRAINING: Final = ("train", "training_images", "training", "train_images")
_QUERIES: Final[Mapping[Queries, tuple[str, ...]]] = {
    "dev": ("dev_queries", "query_images", "val_query"),
    "final": ("final_queries", "query_images_phase2", "queries_phase2"),
}
_TRUTH: Final[Mapping[Queries, tuple[str, ...]]] = {
    "dev": (
        "dev_ground_truth.csv",
        "dev_queries_groundtruth.csv",
        "public_ground_truth.csv",
        "val_groundtruth_matches.csv",
    ),
    "final": (
        "final_ground_truth.csv",
        "final_queries_groundtruth.csv",
        "phase_2_ground_truth.csv",
        "phase2_ground_truth.csv",
    ),
}

_TRUTH_BYTES: Final = 2**28
_BLOCK: Final = re.compile(r"[0-9]{4}", re.ASCII)
_NUMBERED: Final = re.compile(r"[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True)
class Disc21:
    """One split of DISC21."""

    references: Corpus
    queries: Corpus
    training: Corpus | None
    """For score normalisation; without it there is none."""
    truth: Mapping[int, frozenset[int]]
    """Position of a query to those of its references."""


@dataclass(frozen=True)
class CopydaysBlock:
    """One kind of copy of Copydays."""

    name: str
    """``strong``, ``jpegqual/10``, ``crops/50``, …"""
    queries: Corpus
    truth: tuple[int, ...]
    """Position of each query's original."""


@dataclass(frozen=True)
class Copydays:
    """The originals and their copies."""

    originals: Corpus
    blocks: tuple[CopydaysBlock, ...]
    """``original`` itself first, then ``strong``, JPEG and crops by their number."""


def open_disc21(
    folder: Path,
    queries: Queries = "dev",
    *,
    truth: Path | None = None,
) -> Disc21:
    """DISC21 as unpacked in ``folder``. ``truth``: the CSV, if it stands elsewhere.

    Raises ``PublishedSetError`` naming what is missing or wrong, ``CorpusError`` if a folder holds
    no images.
    """
    references = open_corpus(_one_of(folder, _REFERENCES))
    asked = open_corpus(_one_of(folder, _QUERIES[queries]))
    training = next((folder / name for name in _TRAINING if (folder / name).is_dir()), None)
    return Disc21(
        references,
        asked,
        None if training is None else open_corpus(training),
        _read_truth(
            truth or _one_of(folder, _TRUTH[queries]), _by_stem(asked), _by_stem(references)
        ),
    )


def _one_of(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise PublishedSetError(f"{folder}: holds none of {', '.join(names)}")


def _by_stem(corpus: Corpus) -> Mapping[str, int]:
    """Position by name without folder and ending, as the ground truth has it."""
    places: dict[str, int] = {}
    for place, item in enumerate(corpus.items):
        stem = PurePosixPath(item.name).stem
        if places.setdefault(stem, place) != place:
            raise PublishedSetError(f"{corpus.name}: {stem!a} comes twice")
    return places


def _read_truth(
    path: Path, queries: Mapping[str, int], references: Mapping[str, int]
) -> Mapping[int, frozenset[int]]:
    truth: dict[int, set[int]] = {}
    try:
        if path.stat().st_size > _TRUTH_BYTES:
            raise PublishedSetError(f"{path}: larger than {_TRUTH_BYTES} bytes")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            for row in rows:
                if not row or (rows.line_num == 1 and row[0] == "query_id"):
                    continue
                where = f"{path}, line {rows.line_num}"
                if len(row) != 2:
                    raise PublishedSetError(f"{where}: not query_id,reference_id")
                query, reference = (cell.strip() for cell in row)
                if query not in queries:
                    raise PublishedSetError(f"{where}: there is no query {query!a}")
                if not reference:
                    continue
                if reference not in references:
                    raise PublishedSetError(f"{where}: there is no reference {reference!a}")
                truth.setdefault(queries[query], set()).add(references[reference])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PublishedSetError(f"{path}: not a readable CSV in UTF-8 ({error})") from error
    if not truth:
        raise PublishedSetError(f"{path}: names no copy")
    return {query: frozenset(found) for query, found in truth.items()}


def open_copydays(folder: Path) -> Copydays:
    """Copydays as unpacked in ``folder``; kinds of copies that are not there are left out.

    Raises ``PublishedSetError`` if there are no originals or no copies, or a name breaks the rule
    of the four digits; ``CorpusError`` if a folder holds no images.
    """
    originals = open_corpus(_one_of(folder, ("original",)))
    by_number: dict[str, int] = {}
    for place, item in enumerate(originals.items):
        number = _number(originals, item.name)
        if by_number.setdefault(number, place) != place:
            raise PublishedSetError(f"{originals.name}: two originals are numbered {number}")
    folders = [folder / "original"]
    if (folder / "strong").is_dir():
        folders.append(folder / "strong")
    for parent in ("jpegqual", "jpeg", "crops"):
        if (folder / parent).is_dir():
            numbered = [one for one in (folder / parent).iterdir() if _NUMBERED.fullmatch(one.name)]
            folders += sorted((one for one in numbered if one.is_dir()), key=lambda p: int(p.name))
    if len(folders) == 1:
        raise PublishedSetError(f"{folder}: holds none of strong, jpegqual/N, jpeg/N, crops/N")
    return Copydays(originals, tuple(_block(folder, one, by_number) for one in folders))


def _block(folder: Path, place: Path, originals: Mapping[str, int]) -> CopydaysBlock:
    corpus = open_corpus(place)
    truth = []
    for item in corpus.items:
        number = _number(corpus, item.name)
        if number not in originals:
            raise PublishedSetError(f"{corpus.name}: {item.name!a} has no original")
        truth.append(originals[number])
    return CopydaysBlock(place.relative_to(folder).as_posix(), corpus, tuple(truth))


def _number(corpus: Corpus, name: str) -> str:
    found = _BLOCK.match(PurePosixPath(name).name)
    if found is None:
        raise PublishedSetError(f"{corpus.name}: {name!a} does not begin with four digits")
    return found.group()
