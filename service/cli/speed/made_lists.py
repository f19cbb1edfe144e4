"""Lists of made-up hashes, as large as asked, in forms that hotlines ship: for the benchmark."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

CHANGES: Final = 1000
"""Lines in which a second version differs from a first: half of them have other signals, a quarter
are gone, and a quarter are new."""

_SEED: Final = 20261201


class Made(NamedTuple):
    """One entry's hashes, as hex."""

    number: int
    sha256: str
    pdq: str
    code: str


def entries(count: int, changed: bool = False) -> Iterator[Made]:
    """``count`` entries, always the same; ``changed``: a version in which ``CHANGES`` differ."""
    rng = random.Random(_SEED)  # noqa: S311 (made-up hashes)
    every = max(1, count // CHANGES)
    for number in range(count):
        made = _made(number, rng)
        step, at = divmod(number, every)
        if changed and at == 0 and step < CHANGES:
            if step % 4 == 0:
                continue
            if step % 4 == 1:
                yield _made(count + number, random.Random(f"new {number}"))  # noqa: S311
            else:
                made = _made(number, random.Random(f"changed {number}"))  # noqa: S311
        yield made


def _made(number: int, rng: random.Random) -> Made:
    text = rng.randbytes(96).hex()
    return Made(number, text[:64], text[64:128], text[128:])


def csv(made: Iterator[Made], space: str) -> Iterator[str]:
    """Lines of CSV with a SHA-256, a PDQ hash with its quality and a code each."""
    yield "provider_id,sha256,pdq,pdq_quality,codes,labels\n"
    for one in made:
        yield f"e{one.number},{one.sha256},{one.pdq},90,{space}={one.code},A\n"


def vic(made: Iterator[Made], space: str) -> Iterator[str]:
    """A Project VIC document of media with three digests and a PDQ hash each."""
    del space
    model = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media"
    yield f'{{"@odata.context": "{model}", "value": ['
    for one in made:
        media = {
            "MediaID": one.number,
            "Category": 1,
            "MD5": one.code[:32].upper(),
            "SHA1": one.code[24:].upper(),
            "SHA256": one.sha256.upper(),
            "PDQ": one.pdq,
            "MediaSize": 1000,
            "DateUpdated": "2024-01-01T00:00:00Z",
            "VictimIdentified": "False",
            "IsDistributed": False,
            "Tags": "",
        }
        yield ("" if one.number == 0 else ",\n") + json.dumps(media)
    yield "]}"


def ncmec(made: Iterator[Made], space: str) -> Iterator[str]:
    """NCMEC's XML, version 2, of images with four fingerprints each."""
    del space
    yield (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">'
        '<images maxTimestamp="2024-01-01T00:00:00Z">\n'
    )
    for one in made:
        yield (
            '<image><member id="42">A member</member><timestamp>2024-01-01T00:00:00Z</timestamp>'
            f"<id>{one.number}</id><classification>A1</classification><fingerprints>"
            f"<md5>{one.code[:32]}</md5><sha1>{one.code[24:]}</sha1><sha256>{one.sha256}</sha256>"
            f"<pdq>{one.pdq}</pdq></fingerprints></image>\n"
        )
    yield "</images></queryResult>"


FORMS: Final[dict[str, Callable[[Iterator[Made], str], Iterator[str]]]] = {
    "csv": csv,
    "vic": vic,
    "ncmec": ncmec,
}


def write(path: Path, form: str, made: Iterator[Made], space: str) -> Path:
    """Write a list in one of ``FORMS``; ``path`` again."""
    with path.open("w", encoding="ascii", newline="") as file:
        file.writelines(FORMS[form](made, space))
    return path
