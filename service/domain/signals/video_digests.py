"""Digests of a video's bytes, as hotlines ship them: the same functions as those of any file.

A list says of a digest that the file is a video; who asks has a file, and need not know. So an MD5
that is asked for is looked up among both, and one of a listed video is found by either name.
"""

from __future__ import annotations

from typing import Final

from service.domain.signals.kinds import SignalType, Weight, octets

VIDEO_MD5: Final = SignalType(
    name="video_md5",
    sentence="MD5 of a video's bytes; found by md5 too.",
    example="2c7ba2d3b9b7c0e1fd2c4c5f5b6a7988",
    weight=Weight.DIGEST,
    algorithm="md5",
    aliases=("videomd5", "hash_video_md5"),
    **octets(16),
)

VIDEO_SHA256: Final = SignalType(
    name="video_sha256",
    sentence="SHA-256 of a video's bytes; found by sha256 too.",
    example="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    weight=Weight.DIGEST,
    algorithm="sha256",
    aliases=("videosha256", "video_sha_256", "hash_video_sha256"),
    **octets(32),
)
