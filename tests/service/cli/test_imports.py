"""What a command loads: nothing heavy that it does not need, so that it starts at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Command = Callable[..., Any]

_PIXELS = frozenset({"numpy", "PIL", "openvino", "safetensors"})
_STORE = frozenset({"sqlalchemy", "orjson"})
_SETTINGS = frozenset({"pydantic", "pydantic_settings"})
_SERVER = frozenset({"fastapi", "starlette", "uvicorn", "prometheus_client", "httpx", "alembic"})
_NEVER = frozenset({"torch", "faiss", "numba", "scipy", "matplotlib", "pandas", "cryptography"})

_CODE = """
import sys
from service.cli import main
try:
    main()
except SystemExit as end:
    print(end.code, file=sys.stderr)
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--version",), _NEVER | _SERVER | _PIXELS | _STORE | _SETTINGS | {"rich"}),
        (("keys", "list"), _NEVER | _SERVER | _PIXELS),
        (("import", "list.csv", "--bank", "b", "--dry-run"), _NEVER | _SERVER | _PIXELS),
        (("export", "--bank", "known"), _NEVER | _SERVER | _PIXELS),
        (("hash", "pictures", "--jsonl"), _NEVER | _SERVER | _STORE),
        (("match", "pictures", "--jsonl"), _NEVER - {"numba", "faiss"} | _SERVER - {"starlette"}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_command_loads_nothing_heavy_that_it_does_not_need(
    lookalike: Command, pictures: Path, arguments: tuple[str, ...], unwanted: frozenset[str]
) -> None:
    del pictures
    Path("list.csv").write_text("md5\n0cc175b9c0f1b6a831c399e269772661\n")
    assert lookalike("init").code == 0
    assert lookalike("import", "list.csv", "--bank", "known").code == 0
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *arguments], capture_output=True, text=True, check=True
    )
    code, loaded = done.stderr.splitlines()[-2:]
    assert code in {"0", "None", "3"}, done.stderr
    assert unwanted & set(loaded.split()) == set()
