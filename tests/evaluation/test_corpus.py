"""Reading folders and tars that anyone may have made."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embeddings.errors import ImageError
from embeddings.files.images import ImageLimits
from evaluation.base.errors import CorpusError, ManifestError
from evaluation.corpora.corpus import Corpus, CorpusLimits, open_corpus


def _png(colour: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (colour, 90, 10)).save(buffer, "PNG")
    return buffer.getvalue()


def _tar(path: Path, files: dict[str, bytes], **changes: object) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for key, value in changes.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))
    return path


def _names(corpus: Corpus) -> list[str]:
    return [item.name for item in corpus.items]


def test_a_folder_is_read_in_the_order_of_names_whatever_its_depth(tmp_path: Path) -> None:
    for place, name in enumerate(("b.png", "a/z.PNG", "a/c/d.jpeg", "notes.txt", ".hidden.png")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_png(place))
    corpus = open_corpus(tmp_path)
    assert _names(corpus) == ["a/c/d.jpeg", "a/z.PNG", "b.png"]
    assert corpus.read(2) == _png(0)
    assert np.asarray(corpus.image(1))[0, 0].tolist() == [1, 90, 10]
    assert len(corpus) == 3


def test_a_tar_is_read_without_unpacking_it(tmp_path: Path) -> None:
    path = _tar(tmp_path / "x.tar", {"b.png": _png(7), "readme.md": b"#", "a/c.png": _png(9)})
    before = sorted(tmp_path.rglob("*"))
    corpus = open_corpus(path)
    assert _names(corpus) == ["a/c.png", "b.png"]
    assert corpus.read(0) == _png(9)
    assert corpus.name == "x.tar"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["../../outside.png", "/etc/outside.png", "a/../../b.png", "C:\\x.png", "\x1b[2Jx.png"]
)
def test_a_name_that_points_elsewhere_is_only_a_name(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    corpus = open_corpus(_tar(inner / "x.tar", {name: _png(3)}))
    assert corpus.read(0) == _png(3)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x.tar"]


def test_links_and_devices_in_a_tar_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        for kind, name in (
            (tarfile.SYMTYPE, "link.png"),
            (tarfile.LNKTYPE, "hard.png"),
            (tarfile.CHRTYPE, "device.png"),
            (tarfile.FIFOTYPE, "pipe.png"),
            (tarfile.DIRTYPE, "folder.png"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        member = tarfile.TarInfo("real.png")
        member.size = len(_png())
        tar.addfile(member, io.BytesIO(_png()))
    assert _names(open_corpus(path)) == ["real.png"]


def test_links_and_pipes_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.png").write_bytes(_png())
    (folder / "real.png").write_bytes(_png())
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    assert _names(open_corpus(folder)) == ["real.png"]


def test_a_sparse_member_that_claims_gigabytes_is_passed_over(tmp_path: Path) -> None:
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "huge.png",
               "GNU.sparse.realsize": str(2**40)}  # fmt: skip
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, pax in (("sparse.png", headers), ("real.png", {})):
            data = b"0\n".ljust(512, b"\0") if pax else _png()
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(data), pax
            tar.addfile(member, io.BytesIO(data))
    assert _names(open_corpus(path)) == ["real.png"]


def test_files_over_the_limit_are_passed_over_and_too_many_are_refused(tmp_path: Path) -> None:
    path = _tar(tmp_path / "x.tar", {"a.png": _png(), "b.png": _png() + bytes(5000)})
    small = CorpusLimits(image=ImageLimits(max_bytes=4000))
    assert _names(open_corpus(path, limits=small)) == ["a.png"]
    with pytest.raises(CorpusError, match="more than 1 images"):
        open_corpus(path, limits=CorpusLimits(max_images=1))


def test_of_a_name_that_comes_twice_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        for colour in (1, 2):
            member = tarfile.TarInfo("a.png")
            member.size = len(_png(colour))
            tar.addfile(member, io.BytesIO(_png(colour)))
    corpus = open_corpus(path)
    assert (len(corpus), corpus.read(0)) == (1, _png(2))


def _compressed(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("a.png")
        member.size = len(_png())
        tar.addfile(member, io.BytesIO(_png()))


def _garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _no_images(path: Path) -> None:
    _tar(path, {"readme.txt": b"no images"})


@pytest.mark.parametrize("make", [_compressed, _garbage, _empty, _no_images])
def test_what_is_no_tar_of_images_is_refused_by_name(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "odd.tar"
    make(path)
    with pytest.raises(CorpusError, match=r"odd\.tar"):
        open_corpus(path)


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file or folder"):
        open_corpus(tmp_path / "absent")


@pytest.mark.parametrize("seed", range(25))
def test_a_mutated_tar_is_read_or_refused_but_never_breaks(tmp_path: Path, seed: int) -> None:
    path = _tar(tmp_path / "x.tar", {f"{index}.png": _png(index) for index in range(4)})
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for place in rng.integers(0, len(data) - 6000, 40).tolist():
        data[place] = int(rng.integers(0, 256))
    path.write_bytes(bytes(data[: int(rng.integers(600, len(data)))]))
    try:
        corpus = open_corpus(path)
        for index in range(len(corpus)):
            corpus.image(index)
    except (CorpusError, ImageError):
        pass


def test_a_file_cut_short_after_it_was_opened_is_a_named_error(tmp_path: Path) -> None:
    path = _tar(tmp_path / "x.tar", {"a.png": _png()})
    corpus = open_corpus(path)
    path.write_bytes(path.read_bytes()[:520])
    with pytest.raises(CorpusError, match="ends within"):
        corpus.read(0)
    path.unlink()
    with pytest.raises(CorpusError, match="No such file"):
        corpus.read(0)


def test_a_manifest_gives_kind_style_and_source(tmp_path: Path) -> None:
    path = _tar(tmp_path / "x.tar", {name: _png() for name in ("a.png", "b.png", "c.png")})
    manifest = tmp_path / "m.csv"
    manifest.write_text(
        "\ufeffname,style,kind,source,more\na.png,photo,photo,camera,1\n"
        'b.png,icon,nonphoto,"packs, icons",2\nnot-there.png,x,photo,y,3\n',
        encoding="utf-8",
    )
    items = open_corpus(path, manifest).items
    assert [(item.kind, item.style, item.source) for item in items] == [
        ("photo", "photo", "camera"),
        ("nonphoto", "icon", "packs, icons"),
        ("unknown", "", ""),
    ]


def test_folders_called_photo_and_nonphoto_give_the_kind(tmp_path: Path) -> None:
    names = ["photo/a.png", "nonphoto/deep/b.png", "other/photo/c.png", "photo.png"]
    items = open_corpus(_tar(tmp_path / "x.tar", {name: _png() for name in names})).items
    assert {item.name: item.kind for item in items} == {
        "photo/a.png": "photo",
        "nonphoto/deep/b.png": "nonphoto",
        "other/photo/c.png": "unknown",
        "photo.png": "unknown",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,kind\na.png,photo\n", "has no column name"),
        ("name\na.png\n", "has no column kind"),
        ("", "has no column kind, name"),
        ("name,kind\na.png,drawing\n", "line 2: kind must be"),
        ("name,kind\n,photo\n", "line 2: no name"),
        ("name,kind\na.png,photo\na.png,photo\n", "line 3: 'a.png' comes twice"),
        ("name,kind\nz.png,photo\n", "names none of the images"),
        ('name,kind\n"a.png,photo\n', "not a readable CSV"),
        ("name,kind\n" + "a" * 2_000_000 + ",photo\n", "not a readable CSV"),
    ],
)
def test_a_bad_manifest_is_refused_with_line_and_reason(
    tmp_path: Path, text: str, message: str
) -> None:
    path = _tar(tmp_path / "x.tar", {"a.png": _png()})
    manifest = tmp_path / "m.csv"
    manifest.write_text(text)
    with pytest.raises(ManifestError, match=message):
        open_corpus(path, manifest)


def test_a_manifest_that_is_absent_or_not_text_is_refused(tmp_path: Path) -> None:
    path = _tar(tmp_path / "x.tar", {"a.png": _png()})
    with pytest.raises(ManifestError, match="not a readable CSV"):
        open_corpus(path, tmp_path / "absent.csv")
    binary = tmp_path / "m.csv"
    binary.write_bytes(b"name,kind\n\xff\xfe,photo\n")
    with pytest.raises(ManifestError, match="not a readable CSV"):
        open_corpus(path, binary)
