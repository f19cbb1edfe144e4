"""What is wrong with a signed list, or with a key.

::

    ServiceError
        InvalidValueError
            BadSigningKeyError
        ImportRefusedError
            UnsignedListError    BadSignatureError    TamperedListError
            UnknownSignerError   OtherSignerError     ForkedListError
            OlderListError
                SameListError
"""

from __future__ import annotations

from service.domain.errors import ImportRefusedError, InvalidValueError


class BadSigningKeyError(InvalidValueError):
    """A file or a text is no key to sign with, or to verify by."""

    code = "bad_signing_key"


class UnsignedListError(ImportRefusedError):
    """Nobody signed a list that is to be signed."""

    code = "unsigned_list"


class BadSignatureError(ImportRefusedError):
    """A signature is not that of its manifest."""

    code = "bad_signature"


class TamperedListError(ImportRefusedError):
    """A list is not what its manifest says."""

    code = "tampered_list"


class UnknownSignerError(ImportRefusedError):
    """A list is signed by a key that nobody here vouched for."""

    code = "unknown_signer"


class OtherSignerError(ImportRefusedError):
    """A list is signed by another key than the one it is pinned to."""

    code = "other_signer"


class OlderListError(ImportRefusedError):
    """A signed list is no newer than the one imported last."""

    code = "older_list"


class SameListError(OlderListError):
    """A signed list is the one imported last."""

    code = "same_list"


class ForkedListError(ImportRefusedError):
    """A signed list does not follow from the one imported last."""

    code = "forked_list"
