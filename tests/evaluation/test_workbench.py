"""What notebooks start from: samples or the reader's images, and progress that leaves no trace."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embeddings.files.images import decode
from evaluation.base import bars
from evaluation.base.errors import CorpusError
from evaluation.corpora import samples
from evaluation.corpora.sample_corpus import NAME, sample_corpus
from evaluation.notebooks.workbench import IMAGES, MANIFEST, SMALL, Workbench, open_workbench, some
from evaluation.radii.operating.gathering import true_distances
from evaluation.radii.operating.misses import misses

pytestmark = pytest.mark.slow


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (IMAGES, MANIFEST):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(SMALL, "1")


def test_samples_are_what_their_files_would_be() -> None:
    corpus = sample_corpus()
    assert len(corpus) == len(samples.photograph_names()) + len(samples.drawing_names())
    names = [item.name for item in corpus.items]
    assert names == sorted(names)
    assert {item.kind for item in corpus.items} == {"photo", "nonphoto"}
    place = names.index("photo/cat.png")
    assert (decode(corpus.read(place)).rgb == np.asarray(corpus.image(place))).all()
    corpus.image(place).putpixel((0, 0), (0, 0, 0))
    assert (np.asarray(corpus.image(place)) == decode(corpus.read(place)).rgb).all()


def test_the_reader_may_name_images(small: None, tmp_path: Path) -> None:
    del small
    shipped = open_workbench()
    assert shipped.corpus.name == NAME
    assert shipped.small
    assert set(shipped.radii) == {"pdq", shipped.space}
    assert [space.name for space in shipped.shipped] == ["pdq", f"{shipped.space} score"]
    assert f"{shipped.space} score ≥ {shipped.encoder.info.scores['any']}" in repr(shipped)
    for place, item in enumerate(shipped.corpus.items):
        (tmp_path / f"{place:02d} {Path(item.name).name}").write_bytes(shipped.corpus.read(place))
    own = open_workbench(tmp_path)
    assert len(own.corpus) == len(shipped.corpus)
    assert own.images().startswith("12 images (12 of unknown kind)")
    few = open_workbench(str(tmp_path), at_most=5)
    assert [item.name[:2] for item in few.corpus.items] == ["00", "02", "04", "07", "09"]
    (tmp_path / "05 damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    assert len(open_workbench(tmp_path).corpus) == 13
    whole = open_workbench(tmp_path, readable=True).corpus
    assert len(whole) == 12
    assert "05 damaged.png" not in [item.name for item in whole.items]
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (tmp_path / "05 damaged.png").rename(damaged / "one.png")
    with pytest.raises(CorpusError, match="none of 1 images can be decoded"):
        open_workbench(damaged, readable=True)
    with pytest.raises(CorpusError, match="no such file"):
        open_workbench(tmp_path / "nowhere")


def test_images_named_in_the_environment_are_used(
    small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del small
    sample_corpus(small=True).image(0).save(tmp_path / "one.png")
    (tmp_path / "kinds.csv").write_text("name,kind\none.png,photo\n")
    monkeypatch.setenv(IMAGES, str(tmp_path))
    monkeypatch.setenv(MANIFEST, str(tmp_path / "kinds.csv"))
    assert open_workbench().images() == f"1 images (1 photographs), {tmp_path.name}"


def test_a_part_reads_what_the_whole_reads() -> None:
    whole = sample_corpus(small=True)
    part = some(whole, 3)
    assert part.items == tuple(whole.items[place] for place in (0, 4, 8))
    assert part.read(1) == whole.read(4)
    assert (np.asarray(part.image(2)) == np.asarray(whole.image(8))).all()


@pytest.fixture(scope="module")
def bench() -> Workbench:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(IMAGES, raising=False)
        patch.setenv(SMALL, "1")
        return open_workbench()


def test_misses_are_copies_that_nothing_finds_as_shipped(bench: Workbench) -> None:
    """Neither PDQ nor the score; a code's distance decides nothing about an image."""
    split = bench.split()
    hashed = bench.hashed(split)
    lost = misses(bench.corpus, split, hashed, bench.shipped, at_most=50)
    assert lost
    away = {space: true_distances(hashed, space) for space in bench.shipped}
    limits = bench.limits
    beyond = np.all([away[space] > limits[space.name] for space in bench.shipped], axis=0)
    edits = {query.edit for query, far in zip(hashed.inside_queries, beyond, strict=True) if far}
    assert {one.edit for one in lost} == edits
    assert len(lost) == len(edits)
    for one in lost:
        assert all(far > limits[space.name] for space, far in one.distances.items())
        assert f"{bench.space} score " in one.text
        assert one.copy.size != (0, 0)
        assert one.text.startswith(f"{one.edit}\n")
    generous = [replace(space, radius=space.levels) for space in bench.shipped]
    assert misses(bench.corpus, split, hashed, generous) == []


def test_only_hashes_with_a_radius_have_operating_curves(bench: Workbench) -> None:
    counted = bench.pairs(bench.hashed(bench.split()))
    assert [one.space.name for one in counted] == list(bench.radii)


def test_all_images_are_listed_in_their_order(bench: Workbench) -> None:
    together = bench.list_all()
    for place in (0, len(bench.corpus) - 1):
        alone = bench.listed([bench.corpus.image(place)])
        for space in bench.spaces:
            assert (together[space.name].values[place] == alone[space.name].values[0]).all()


def test_a_bar_says_how_far_it_is() -> None:
    assert bars.bar("hashing", 3, 10) == f"hashing [{'#' * 9}{'.' * 21}] 3/10\n"
    assert bars.bar("hashing", 0, 0) == f"hashing [{'#' * 30}] 0/0\n"


def test_a_notebook_sees_progress_and_keeps_none_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    display = SimpleNamespace(clear_output=lambda wait=False: said.append(f"clear {wait}"))
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with bars.bars() as progress:
        progress("hashing", 0, 2)
        progress("hashing", 1, 2)
        progress("hashing", 2, 2)
    assert said[-1] == "clear False"
    assert "2/2" in capsys.readouterr().out


def test_elsewhere_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with bars.bars() as progress:
        progress("hashing", 1, 2)
    assert capsys.readouterr() == ("", "")
