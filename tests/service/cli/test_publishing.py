"""``lookalike publish`` and ``import --signed-by``, as docs/signed-lists.md has them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.service.conftest import Served

Command = Callable[..., Any]


@pytest.fixture
def public(lookalike: Command) -> str:
    """The public key of ``signing.pem``."""
    made = lookalike("keys", "signing", "signing.pem")
    assert (made.code, lookalike("keys", "signing", "signing.pem").out) == (0, made.out)
    assert Path("signing.pem").stat().st_mode & 0o777 == 0o600
    return str(made.out.strip())


def a_list(*lines: int) -> None:
    text = "".join(f"p{one},{one:032x}\n" for one in lines)
    Path("list.csv").write_text(f"provider_id,md5\n{text}")


def test_a_list_goes_from_one_to_another(lookalike: Command, public: str) -> None:
    """Twice; the second time nobody names the key, and the first cannot come again."""
    a_list(*range(20))
    said = lookalike("publish", "list.csv", "--key", "signing.pem")
    assert said.code == 0, said.err
    assert "list.zip: 20 entries" in said.err
    assert public in said.err
    Path("list.zip").rename("1.zip")
    lookalike("init")
    unknown = lookalike("import", "1.zip", "--bank", "known")
    assert (unknown.code, "unknown_signer" in unknown.err, public in unknown.err) == (1, True, True)
    assert lookalike("import", "1.zip", "--bank", "known", "--signed-by", public).code == 0
    a_list(*range(1, 21))
    again = lookalike("publish", "list.csv", "--key", "signing.pem", "--after", "1.zip")
    assert "1 added, 0 changed, 1 removed" in again.err
    assert lookalike("import", "list.zip", "--bank", "known").code == 0
    old = lookalike("import", "1.zip", "--bank", "known")
    assert (old.code, "older_list" in old.err) == (1, True)
    plain = lookalike("import", "list.csv", "--bank", "known")
    assert (plain.code, "unsigned_list" in plain.err) == (1, True)
    assert lookalike("import", "list.csv", "--bank", "known", "--repin").code == 0


def test_a_bank_is_published_and_the_next_follows_by_itself(
    lookalike: Command, public: str
) -> None:
    """The file that is there is the list before; its lists are named where there are several."""
    lookalike("init")
    a_list(1, 2)
    lookalike("import", "list.csv", "--bank", "known")
    assert lookalike("publish", "known", "--key", "signing.pem").code == 0
    lookalike("import", "list.csv", "--bank", "known", "--provider", "other")
    said = lookalike("publish", "known", "--key", "signing.pem")
    assert "4 entries" in said.err
    with zipfile.ZipFile("known.zip") as archive:
        assert b'"other/default/p1"' in archive.read("entries.jsonl")
    nobody = lookalike("publish", "nowhere", "--key", "signing.pem")
    assert (nobody.code, "bank_not_found" in nobody.err) == (1, True)
    del public


@pytest.mark.slow
def test_images_are_published_to_be_listed(lookalike: Command, public: str, pictures: Path) -> None:
    """With the code space that they are of; a file that is none stops it."""
    said = lookalike("publish", "pictures", "--key", "signing.pem", "--out", "images.zip")
    assert said.code == 0, said.err
    assert "code space lite0-256-" in said.err
    lookalike("init")
    assert lookalike("import", "images.zip", "--bank", "known", "--signed-by", public).code == 0
    image = next(one for one in sorted(pictures.rglob("*")) if one.is_file())
    assert lookalike("match", image).code == 3
    (pictures / "notes.txt").write_text("no image")
    bad = lookalike("publish", "pictures", "--key", "signing.pem", "--out", "more.zip")
    assert (bad.code, "notes.txt" in bad.err, Path("more.zip").exists()) == (1, True, False)


def test_what_is_there_and_no_signed_list_is_not_written_over(
    lookalike: Command, public: str
) -> None:
    a_list(1)
    Path("list.zip").write_bytes(b"something of mine")
    said = lookalike("publish", "list.csv", "--key", "signing.pem")
    assert (said.code, "unsigned_list" in said.err) == (1, True)
    assert Path("list.zip").read_bytes() == b"something of mine"
    Path("list.csv").write_text("md5\nx\n")
    bad = lookalike("publish", "list.csv", "--key", "signing.pem", "--out", "b.zip")
    assert (bad.code, "line 2" in bad.err) == (1, True)
    del public


def test_the_service_takes_signed_lists_too(
    served: Served, lookalike: Command, public: str
) -> None:
    """By the same rules, over HTTP."""
    a_list(1, 2, 3)
    assert lookalike("publish", "list.csv", "--key", "signing.pem").code == 0
    body = Path("list.zip").read_bytes()
    with served.client() as client:
        client.post("/v1/banks", json={"name": "known"})
        path = "/v1/banks/known/imports"
        unknown = client.post(path, content=body)
        taken = client.post(path, content=body, params={"signed_by": public})
        again = client.post(path, content=body)
        plain = client.post(path, content=Path("list.csv").read_bytes())
        bad = client.post(path, content=body, params={"signed_by": "ed25519:x"})
    assert [one.json().get("code") for one in (unknown, again, plain, bad)] == [
        "unknown_signer",
        "same_list",
        "unsigned_list",
        "bad_signing_key",
    ]
    assert taken.json()["added"] == 3
    assert {one.status_code for one in (unknown, again, plain, bad)} == {422}


@pytest.mark.slow
def test_a_list_comes_through_a_pipe(lookalike: Command, public: str) -> None:
    """From a program that fetches it, say."""
    a_list(1, 2)
    lookalike("publish", "list.csv", "--key", "signing.pem")
    lookalike("init")
    code = "from service.cli import main; main()"
    command = [sys.executable, "-c", code, "import", "-", "--bank", "known", "--signed-by", public]
    with subprocess.Popen(["cat", "list.zip"], stdout=subprocess.PIPE) as pipe:
        done = subprocess.run(
            command, stdin=pipe.stdout, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
