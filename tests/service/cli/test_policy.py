"""``lookalike policy``: files are checked before anything changes, and all banks change or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.network import checkpoint
from evaluation.base.policies import FORMAT
from evaluation.radii.operating import policy as writing
from evaluation.radii.operating.choice import ChosenRadius
from service.cli.policy_file import MAX_BANKS, MAX_BYTES, PolicyFileError, read_policy
from service.store import Action, Imagery, Policy, Radii, Store, open_store

Command = Callable[..., Any]

SPACE = checkpoint.load().info.space


def _document(*banks: dict[str, Any], **rest: object) -> dict[str, Any]:
    return {"format": "lookalike-policy-1", "banks": list(banks), **rest}


def _written(document: object, path: Path = Path("policy.json")) -> Path:
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def store(lookalike: Command, tmp_path: Path) -> Store:
    del lookalike  # which makes the folder empty, and the current one
    store = open_store(tmp_path / "data")
    store.banks.create("drawings", Policy(Action.BLOCK, Imagery.ANY, Radii(24)))
    store.banks.create("other", Policy(Action.BLOCK))
    return store


def test_banks_are_made_and_changed_and_others_left_alone(
    lookalike: Command, store: Store, tmp_path: Path
) -> None:
    _written(
        _document(
            {"name": "drawings", "radius": {"code": {"any": 40}}, "imagery": "non_photographic"},
            {"name": "photographs", "action": "review", "radius": {"pdq": 30}},
        )
    )
    said = lookalike("policy", "policy.json", "--data", tmp_path / "data")
    assert said.code == 0
    for cells in (
        ("drawings", "imagery", "any", "non_photographic"),
        ("drawings", "radius.pdq", "24 bits", "default"),
        ("drawings", "radius.code.any", "default", "40 bits"),
        ("photographs", "action", "new bank", "review"),
        ("photographs", "radius.pdq", "new bank", "30 bits"),
    ):
        lines = [line for line in said.out.splitlines() if all(cell in line for cell in cells)]
        assert len(lines) == 1, cells
    assert "drawings action" not in " ".join(said.out.split())
    banks = {bank.name: bank.policy for bank in store.banks.all()}
    assert banks == {
        # What the file does not say stays; a radius is replaced as a whole.
        "drawings": Policy(Action.BLOCK, Imagery.NON_PHOTOGRAPHIC, Radii(None, {Imagery.ANY: 40})),
        "photographs": Policy(Action.REVIEW, Imagery.ANY, Radii(30)),
        "other": Policy(Action.BLOCK),
    }
    sequence = store.sequence()
    again = lookalike("policy", "policy.json", "--data", tmp_path / "data")
    assert (again.code, again.out) == (0, "")
    assert "nothing to change: 2 banks" in again.err
    assert store.sequence() == sequence


def test_a_dry_run_shows_the_same_and_changes_nothing(
    lookalike: Command, store: Store, tmp_path: Path
) -> None:
    _written(_document({"name": "drawings", "enabled": False}, {"name": "new"}))
    before = store.banks.all()
    said = lookalike("policy", "policy.json", "--dry-run", "--data", tmp_path / "data")
    assert said.code == 0
    assert "dry run: nothing changed" in said.out
    assert "bank 'drawings': switched off" in said.err
    assert store.banks.all() == before
    said = lookalike("policy", "policy.json", "--dry-run", "--data", tmp_path / "nowhere")
    assert said.code == 0
    assert "there is no store yet" in said.err
    assert not (tmp_path / "nowhere").exists()


def test_no_bank_changes_where_one_cannot(lookalike: Command, store: Store, tmp_path: Path) -> None:
    """A name that is none is met after a good bank; the good one stays as it was."""
    _written(_document({"name": "drawings", "action": "review"}, {"name": "no/bank"}))
    before = store.banks.all()
    said = lookalike("policy", "policy.json", "--data", tmp_path / "data")
    assert said.code == 1
    assert said.err.startswith("error (bad_name)")
    assert store.banks.all() == before


def test_what_takes_entries_out_of_force_is_said(
    lookalike: Command, store: Store, tmp_path: Path
) -> None:
    del store
    _written(_document({"name": "drawings", "action": "allow"}))
    said = lookalike("policy", "policy.json", "--data", tmp_path / "data")
    assert said.code == 0
    assert "bank 'drawings': now an allow bank" in said.err


def test_code_radii_of_another_space_are_refused_unless_asked_for(
    lookalike: Command, store: Store, tmp_path: Path
) -> None:
    bank = {"name": "drawings", "radius": {"code": {"any": 20}}}
    _written(_document(bank, provenance={"space": "other-256-9"}))
    before = store.banks.all()
    said = lookalike("policy", "policy.json", "--data", tmp_path / "data")
    assert said.code == 1
    assert said.err.startswith("error (policy_space)")
    assert "other-256-9" in said.err
    assert SPACE in said.err
    assert store.banks.all() == before
    said = lookalike("policy", "policy.json", "--any-space", "--data", tmp_path / "data")
    assert said.code == 0
    # PDQ does not depend on the model.
    _written(_document({"name": "drawings", "radius": {"pdq": 9}}, provenance={"space": "x"}))
    assert lookalike("policy", "policy.json", "--data", tmp_path / "data").code == 0


def _choice(signal: str, imagery: str, radius: int, basis: str) -> ChosenRadius:
    space = "pdq" if signal == "pdq" else SPACE
    return ChosenRadius(
        space, signal, imagery, radius, 0.5, 0.4, 0.6, 1e-7, 0.0, 1e-6, basis, 9, 1e-6
    )


def test_what_the_notebooks_write_is_read(lookalike: Command, store: Store, tmp_path: Path) -> None:
    """From choices to a file to banks; a signal for which nothing was chosen is left out."""
    choices = [
        _choice("pdq", "any", 28, "measured"),
        _choice("pdq", "photographic", 30, "measured"),
        _choice("pdq", "non_photographic", -1, "none"),
        _choice("code", "any", 40, "extrapolated"),
        _choice("code", "photographic", 44, "measured"),
    ]
    banks = {"photographs": "photographic", "drawings": "non_photographic"}
    document = writing.document(banks, choices, data="a folder", command="notebook 3")
    writing.write(document, tmp_path / "made.json")
    assert document["format"] == FORMAT
    said = lookalike("policy", "made.json", "--data", tmp_path / "data")
    assert said.code == 0
    assert f"measured: data a folder, space {SPACE}" in said.err
    assert "extrapolated or bounded, by what the file says: code any" in said.err
    code = {Imagery.ANY: 40, Imagery.PHOTOGRAPHIC: 44}
    policies = {bank.name: bank.policy for bank in store.banks.all()}
    assert policies["photographs"] == Policy(Action.REVIEW, Imagery.PHOTOGRAPHIC, Radii(30, code))
    assert policies["drawings"] == Policy(Action.REVIEW, Imagery.NON_PHOTOGRAPHIC, Radii(28, code))
    bare = writing.document(banks, [], data="")
    assert bare["provenance"]["space"] is None
    writing.write(bare, tmp_path / "bare.json")
    assert read_policy(tmp_path / "bare.json").space == ""


FAULTS = [
    ("", "not JSON"),
    ("[]", "the file"),
    ("{}", "format: Field required; banks: Field required"),
    ('{"format": "lookalike-policy-2", "banks": [{"name": "a"}]}', "format"),
    ('{"format": "lookalike-policy-1", "banks": []}', "banks"),
    ('{"format": "lookalike-policy-1", "banks": [{}]}', "banks.0.name"),
    ('{"format": "lookalike-policy-1", "banks": [{"name": "a", "radios": {}}]}', "radios"),
    (
        '{"format": "lookalike-policy-1", "banks": [{"name": "a", "action": "explode"}]}',
        "banks.0.action",
    ),
    (
        '{"format": "lookalike-policy-1", "banks": [{"name": "a", "radius": {"pdq": 257}}]}',
        "banks.0.radius.pdq",
    ),
    (
        '{"format": "lookalike-policy-1", "banks": [{"name": "a", "radius": {"pdq": "9"}}]}',
        "banks.0.radius.pdq",
    ),
    (
        '{"format": "lookalike-policy-1", "banks": [{"name": "a"}, {"name": "a"}]}',
        "comes twice",
    ),
    (
        '{"format": "lookalike-policy-1", "banks": [{"name": "a", "name": "b"}]}',
        "the key 'name' comes twice",
    ),
    (
        '{"format": "lookalike-policy-1", "banks": [{"name": "a"}], "provenance": {"target": NaN}}',
        "NaN",
    ),
    ("[" * 100_000, "nested"),
    ('{"format": "lookalike-policy-1", "banks": [{"name": "\\ud800"}]}', "JSON"),
    (" " * (MAX_BYTES + 1), "larger than"),
    (json.dumps(_document(*({"name": f"b{n}"} for n in range(MAX_BANKS + 1)))), "banks"),
]


@pytest.mark.parametrize(
    ("text", "says"), FAULTS, ids=[f"fault-{number}" for number in range(len(FAULTS))]
)
def test_a_bad_file_is_named_with_its_fault(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(PolicyFileError) as caught:
        read_policy(path)
    assert "bad.json" in str(caught.value)
    assert says in str(caught.value)


def test_a_bad_file_is_one_line(lookalike: Command, tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"format": "\xe9"}')
    for name, code in (("latin.json", "bad_policy_file"), ("none.json", "file_not_found")):
        said = lookalike("policy", name)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f"error ({code})")
        assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "data").exists()


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["format", "banks", "name", "radius", "pdq", "code", "any"])
                      | st.text(), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_whatever_json_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    document = value
    if isinstance(value, dict):
        document = {"format": "lookalike-policy-1", **value}
    path.write_text(json.dumps(document))
    try:
        read = read_policy(path)
    except PolicyFileError:
        return
    for bank in read.banks:
        assert isinstance(bank.applied(Policy()), Policy)
