"""Settings: read from the environment, refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from embeddings.files.images import ImageLimits
from service.domain.errors import SettingsError
from service.domain.settings import MOST_PIXELS, Settings, load_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "DATABASE_URL", "ADMIN_KEY", "DEVICE"):
        monkeypatch.delenv(f"LOOKALIKE_{name}", raising=False)


def test_the_environment_is_read_and_arguments_go_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An argument that is not given leaves the environment's value."""
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", "/tmp/x")
    monkeypatch.setenv("LOOKALIKE_MAX_PIXELS", "5000")
    assert load_settings(data_dir=None).data_dir == Path("/tmp/x")
    assert load_settings(data_dir=Path("y"), max_pixels=None).max_pixels == 5000
    assert load_settings(data_dir=Path("y")).data_dir == Path("y")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_UPLOAD_BYTES", "many"),
        ("MAX_UPLOAD_BYTES", "-1"),
        ("MAX_PIXELS", "1e99"),
        ("DEVICE", "tpu"),
        ("WORKERS", "0"),
        ("POLL_SECONDS", "5"),
        ("FETCH_ALLOWLIST", "https://example.org/"),
        ("FETCH_ALLOWLIST", "example.org:0"),
        ("FETCH_ALLOWLIST", "127.1"),
        ("FETCH_ALLOWLIST", "10.0.0.1/8"),
        ("FETCH_ALLOWLIST", "*"),
        ("FETCH_SECONDS", "0"),
        ("TRUSTED_NETWORKS", "everywhere"),
        ("TRUSTED_ROLES", "admin"),
    ],
)
def test_a_bad_value_is_named_with_its_key(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The operator reads which variable is wrong and what it says."""
    monkeypatch.setenv(f"LOOKALIKE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"LOOKALIKE_{name}" in str(caught.value)
    assert value in str(caught.value)


def test_a_bad_secret_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys do not end up in logs."""
    monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", "sh0rt")
    with pytest.raises(SettingsError, match="LOOKALIKE_ADMIN_KEY") as caught:
        load_settings()
    assert "sh0rt" not in str(caught.value)
    monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", "long enough")
    assert "long enough" not in repr(load_settings())


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files write it."""
    for name in ("ADMIN_KEY", "DATABASE_URL", "FETCH_ALLOWLIST"):
        monkeypatch.setenv(f"LOOKALIKE_{name}", "")
    loaded = load_settings()
    assert (loaded.admin_key, loaded.store_url, loaded.fetch_allowlist) == (None, None, ())


def test_every_setting_is_documented_with_its_default() -> None:
    """One row each in docs/settings.md, in the order of the code."""
    rows = dict(
        re.findall(r"^\| `LOOKALIKE_(\w+)` \| (.*?) \|", DOCUMENT.read_text(), re.MULTILINE)
    )
    assert list(rows) == [name.upper() for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        if field.default_factory is None and field.default not in (None, ()):
            shown = int(field.default) if isinstance(field.default, bool) else field.default
            shown = ",".join(map(str, shown)) if isinstance(shown, tuple) else shown
            assert rows[name.upper()].startswith(f"`{shown}`"), name


def test_the_most_pixels_that_can_be_set_are_those_the_decoder_allows() -> None:
    """One more is refused here, by name, and not where the server is built."""
    assert ImageLimits(max_pixels=MOST_PIXELS).max_pixels == MOST_PIXELS
    with pytest.raises(ValueError, match="max_pixels"):
        ImageLimits(max_pixels=MOST_PIXELS + 1)
    with pytest.raises(SettingsError, match="LOOKALIKE_MAX_PIXELS"):
        load_settings(max_pixels=MOST_PIXELS + 1)
