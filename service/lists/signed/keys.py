"""Ed25519 keys: made, kept in files that only their owner reads, and written as text.

A private key is a file of PKCS #8 in PEM, as other programs keep theirs; a public key is text,
``ed25519:`` and 44 characters of base64. ``cryptography`` is loaded when a key is used: no other
command should pay for it.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.lists.signed.errors import BadSigningKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_BYTES: Final = 32
_PREFIX: Final = "ed25519:"
_MOST: Final = 4096
"""Bytes of a key file."""


class SigningKey:
    """A private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """``key``: as ``cryptography`` has it."""
        self._key = key

    @classmethod
    def create(cls, path: Path) -> SigningKey:
        """A new key, in a new file that only its owner may read. Raises ``FileExistsError``: a key
        that is written over is lost for good."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """The key in a file. Raises ``BadSigningKeyError`` if it is none, or others may read it."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            with path.open("rb") as file:
                mode, pem = os.fstat(file.fileno()).st_mode, file.read(_MOST)
        except OSError as error:
            raise BadSigningKeyError(f"{path} cannot be read: {error.strerror}") from None
        if stat.S_IMODE(mode) & 0o077:
            raise BadSigningKeyError(f"others may read {path}: chmod 600 it, if none of them did")
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadSigningKeyError(f"{path} holds no private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadSigningKeyError(f"{path} holds a key that is not Ed25519")
        return cls(key)

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is that of ``message`` by the key ``public``."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_text(public: bytes) -> str:
    """A public key as text."""
    return _PREFIX + base64.b64encode(public).decode()


def public_key_of(text: str) -> bytes:
    """The key that ``public_text`` wrote. Raises ``BadSigningKeyError``."""
    try:
        raw = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != PUBLIC_BYTES or not text.strip().startswith(_PREFIX):
        raise BadSigningKeyError(f"a public key is {_PREFIX} and 44 characters of base64")
    return raw
