"""Lists in the shapes that hotlines ship, of made-up hashes: what the tests of formats read."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any

US_MEDIA = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media"
US_CASES = US_MEDIA.replace("#Media", "#Cases")
OLD_MEDIA = "http://github.com/ICMEC/ProjectVic/DataModels/1.2.xml#Media"
NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"


def digest(name: str, number: int) -> bytes:
    return hashlib.new(name, b"made up %d" % number).digest()


def hexed(name: str, number: int) -> str:
    return digest(name, number).hex()


def pdq(number: int) -> str:
    return hexed("sha256", 1_000_000 + number)


def photodna(number: int) -> bytes:
    return (digest("sha256", 2_000_000 + number) * 5)[:144]


def media(number: int, **more: object) -> dict[str, Any]:
    return {
        "MediaID": number,
        "Category": 1,
        "MD5": hexed("md5", number).upper(),
        "SHA1": hexed("sha1", number).upper(),
        "MediaSize": 1000 + number,
        "DateUpdated": "2024-01-01T00:00:00Z",
        "VictimIdentified": "False",
        "IsDistributed": False,
        "Series": None,
        "Tags": "",
        **more,
    }


def vic(items: Iterable[object], context: str = US_MEDIA) -> bytes:
    key = "odata.metadata" if context == OLD_MEDIA else "@odata.context"
    return json.dumps({key: context, "value": list(items)}).encode()


def vic_case(items: Iterable[object]) -> bytes:
    case = {"CaseID": "c-1", "SourceApplicationName": "test", "Media": list(items)}
    return json.dumps({"@odata.context": US_CASES, "value": [case]}).encode()


def ncmec(*entries: str, videos: Iterable[str] = (), following: bool = False) -> bytes:
    body = f'<images count="{len(entries)}" maxTimestamp="2024-01-01T00:00:00Z">'
    body += "".join(entries) + "</images>"
    if videos:
        body += "<videos>" + "".join(videos) + "</videos>"
    if following:
        body += "<paging><next>/v2/entries?start=2001</next></paging>"
    start = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f'{start}<queryResult xmlns="{NAMESPACE}">{body}</queryResult>'.encode()


def ncmec_entry(number: int, kind: str = "image", prints: str | None = None) -> str:
    if prints is None:
        prints = f"<md5>{hexed('md5', number)}</md5><pdq>{pdq(number)}</pdq>"
    return (
        f'<{kind}><member id="42">A member</member><timestamp>2024-01-01T00:00:00Z</timestamp>'
        f"<id>{kind}{number}</id><classification>A1</classification>"
        f"<fingerprints>{prints}</fingerprints>"
        '<feedback lastUpdateTimestamp="2024-01-01T00:00:00Z"><affirmativeFeedback type="Md5">'
        '<members><member id="7">Another</member></members></affirmativeFeedback></feedback>'
        f"</{kind}>"
    )


def ncmec_deleted(number: int, kind: str = "Image") -> str:
    return (
        f'<deleted{kind}><member id="42">A member</member><id>{kind.lower()}{number}</id>'
        f"<timestamp>2024-01-01T00:00:00Z</timestamp></deleted{kind}>"
    )


def stopncii(*records: dict[str, object], more: bool = False) -> bytes:
    page = {
        "count": len(records),
        "nextPageToken": "t",
        "nextSetTimestamp": 1_700_000_000,
        "hasMoreRecords": more,
        "hashRecords": list(records),
    }
    return json.dumps(page).encode()


def stopncii_record(
    number: int, status: str = "Active", kind: str = "ImagePDQ"
) -> dict[str, object]:
    return {
        "lastModtimestamp": 1_700_000_000,
        "signalType": kind,
        "hashValue": pdq(number),
        "hashStatus": status,
        "caseNumbers": {"1": "Active"},
    }


def terrorism(number: int, deleted: object = False, **more: object) -> dict[str, object]:
    return {
        "hash_digest": hexed("md5", number),
        "algorithm": "MD5",
        "ideology": "A",
        "file_type": "jpg",
        "deleted": deleted,
        "updated_on": "2024-01-01",
        "created_on": "2024-01-01",
        "id": number,
        **more,
    }


def update(number: int, **more: object) -> dict[str, object]:
    return {
        "id": str(number),
        "indicator": pdq(number),
        "type": "HASH_PDQ",
        "last_updated": 1_700_000_000,
        "should_delete": False,
        "descriptors": {"data": [{"id": "1", "tags": {"data": [{"text": "B"}, {"text": "A"}]}}]},
        **more,
    }


def updates(*items: dict[str, object], following: bool = False) -> bytes:
    paging = {"next": "https://a.example/next"} if following else {}
    return json.dumps({"data": list(items), "paging": paging}).encode()


def base64d(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
