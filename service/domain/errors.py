"""What can go wrong behind the door, each with a stable ``code``.

::

    ServiceError
    ├── SettingsError               a setting cannot be used
    │   └── NoAdminKeyError         nobody could administer this store
    ├── StoreError
    │   ├── StoreMissingError       there is no store where one was expected
    │   ├── StoreLostError          nor that, and what is left shows that there was one
    │   ├── StoreDamagedError       the database cannot be read, or holds what nobody wrote
    │   ├── StoreReplacedError      the database is not the one that was opened
    │   │   └── StoreWentBackError  it is, and lacks what was read from it
    │   ├── StoreSwappedError       it is not the one that the index was made from
    │   ├── StoreUnusableError      the database cannot be opened or is not ours
    │   ├── SchemaOutdatedError     the store waits for a migration
    │   ├── SchemaTooNewError       the store was written by a newer release
    │   ├── StoreBusyError          another writer held the store for too long
    │   ├── StoreAwayError          the database does not answer
    │   ├── StorageFullError        the disk is full
    │   ├── BackupError             a backup cannot be made
    │   │   └── BackupDamagedError  what is there is not a backup, or not what was backed up
    │   └── RestoreRefusedError     something stands where a backup should be restored
    ├── InvalidValueError           a value that the caller sent cannot be used
    │   ├── BadNameError
    │   ├── BadSignalError
    │   │   └── BadUrlError         what cannot be the address of a page, or a rule for some
    │   ├── NoSignalsError
    │   ├── BadCursorError
    │   └── BadPolicyError
    ├── NotFoundError
    │   ├── BankNotFoundError
    │   ├── EntryNotFoundError
    │   ├── ExchangeNotFoundError
    │   └── KeyNotFoundError
    ├── ConflictError
    │   ├── BankExistsError
    │   ├── EntryExistsError
    │   ├── ExchangeChangedError    while it was synced
    │   ├── ExchangeExistsError
    │   ├── VersionExistsError
    │   └── ListChangedError
    ├── ImportRefusedError
    │   ├── EmptyListError
    │   ├── RefusedDiffError        and why: ``store.diffs`` has these
    │   │   ├── TooManyRejectedError
    │   │   ├── NoValidLineError
    │   │   └── ListShrinksError
    │   └── …                       and those of ``formats.errors``
    ├── AuthError
    │   ├── KeyMissingError
    │   ├── KeyRefusedError
    │   └── RoleMissingError
    ├── RequestError                the HTTP request is not one we answer
    │   ├── MalformedRequestError
    │   ├── InvalidRequestError
    │   ├── BodyTooLargeError
    │   ├── BadMediaTypeError
    │   ├── BodyStalledError
    │   ├── TooManyRequestsError
    │   ├── CallerGoneError
    │   ├── FetchDisabledError      no URL is fetched here
    │   ├── FetchRefusedError       nor this one
    │   └── FetchFailedError        it was tried, and no file came
    ├── UndecodedError              a file that cannot be decoded is listed by digest (``matcher``)
    └── UnavailableError            try again later
        ├── OverloadedError
        ├── TooLateError
        ├── IndexNotLoadedError
        ├── NotReadyError
        └── EncoderMissingError

A message names the offending key, line or name; never image bytes, keys or listed hashes. It knows
no HTTP: ``problems`` holds the one table from errors to statuses.
"""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """Whatever this package raises on purpose."""

    code: ClassVar[str] = "service_error"
    """Stable, for programs; the message is for people."""


class SettingsError(ServiceError):
    """A setting cannot be used; the message names the key and the value."""

    code = "bad_setting"


class NoAdminKeyError(SettingsError):
    """The store has no admin key and none was given."""

    code = "no_admin_key"


class StoreError(ServiceError):
    """The store cannot do what was asked, through no fault of the request."""

    code = "store_error"


class StoreMissingError(StoreError):
    """There is no store where one was expected."""

    code = "store_missing"


class StoreLostError(StoreError):
    """There is no store, and what is left in the data folder shows that there was one."""

    code = "store_lost"


class StoreDamagedError(StoreError):
    """What the database holds cannot be read, or is not what was written."""

    code = "store_damaged"


class StoreReplacedError(StoreError):
    """The database is not the one that was opened: moved, deleted, or another in its place."""

    code = "store_replaced"


class StoreWentBackError(StoreReplacedError):
    """The database lacks changes that were read from it: an older copy was put in its place, and
    nobody said that this was meant."""

    code = "store_went_back"


class StoreSwappedError(StoreError):
    """The store is not the one that the index beside it was made from, or an older copy of it."""

    code = "store_swapped"


class StoreUnusableError(StoreError):
    """The database cannot be opened, or is not one of ours."""

    code = "store_unusable"


class SchemaOutdatedError(StoreError):
    """The store was written by an older release: ``lookalike migrate`` brings it forward."""

    code = "schema_outdated"


class SchemaTooNewError(StoreError):
    """The store was written by a newer release than this one."""

    code = "schema_too_new"


class StoreBusyError(StoreError):
    """Another writer held the store longer than the busy timeout."""

    code = "store_busy"


class StoreAwayError(StoreError):
    """The database does not answer, or cannot be reached."""

    code = "store_away"


class StorageFullError(StoreError):
    """There is no room left where the store, or an upload on its way into it, is kept."""

    code = "storage_full"


class BackupError(StoreError):
    """A backup cannot be made; nothing is left of the attempt."""

    code = "backup_failed"


class BackupDamagedError(BackupError):
    """A folder is not a backup, or its files are not those that were backed up."""

    code = "backup_damaged"


class RestoreRefusedError(StoreError):
    """Something stands, or somebody works, where a backup should be restored."""

    code = "restore_refused"


class InvalidValueError(ServiceError):
    """A value that the caller sent cannot be used."""

    code = "invalid_value"


class BadNameError(InvalidValueError):
    """A bank, provider, list, version, label or provider's id that is not a name."""

    code = "bad_name"


class BadSignalError(InvalidValueError):
    """A signal of an unknown type, or not in its type's form."""

    code = "bad_signal"


class BadUrlError(BadSignalError):
    """What cannot be the address of a page, or no rule that a list may have."""

    code = "bad_url"


class NoSignalsError(InvalidValueError):
    """Nothing to match or to list."""

    code = "no_signals"


class BadCursorError(InvalidValueError):
    """A page cursor that this service did not give."""

    code = "bad_cursor"


class BadPolicyError(InvalidValueError):
    """A bank's policy that cannot be applied."""

    code = "bad_policy"


class NotFoundError(ServiceError):
    """What was named does not exist."""

    code = "not_found"


class BankNotFoundError(NotFoundError):
    """No bank has this name."""

    code = "bank_not_found"


class EntryNotFoundError(NotFoundError):
    """No entry of this bank has this id."""

    code = "entry_not_found"


class ExchangeNotFoundError(NotFoundError):
    """No exchange has this name."""

    code = "exchange_not_found"


class KeyNotFoundError(NotFoundError):
    """No key has this id."""

    code = "key_not_found"


class ConflictError(ServiceError):
    """What was to be made is there already."""

    code = "conflict"


class BankExistsError(ConflictError):
    """A bank of this name is there already."""

    code = "bank_exists"


class ExchangeExistsError(ConflictError):
    """An exchange of this name is there already."""

    code = "exchange_exists"


class ExchangeChangedError(ConflictError):
    """An exchange became another while it was synced: what was fetched is not for it."""

    code = "exchange_changed"


class EntryExistsError(ConflictError):
    """An entry with this (bank, provider, list, provider_id) is there already."""

    code = "entry_exists"


class VersionExistsError(ConflictError):
    """The list already had a version of this name."""

    code = "version_exists"


class ListChangedError(ConflictError):
    """Somebody else changed the list meanwhile; nothing was done, and it can be tried again."""

    code = "list_changed"


class ImportRefusedError(ServiceError):
    """A list was read, and nothing of it was committed."""

    code = "import_refused"


class EmptyListError(ImportRefusedError):
    """A list without one valid line would remove every entry that the list holds."""

    code = "empty_list"


class AuthError(ServiceError):
    """The caller may not do this."""

    code = "unauthorized"


class KeyMissingError(AuthError):
    """No bearer key was sent."""

    code = "key_missing"


class KeyRefusedError(AuthError):
    """The bearer key is unknown or revoked."""

    code = "key_refused"


class RoleMissingError(AuthError):
    """The key is good, but none of its roles may do this."""

    code = "role_missing"


class RequestError(ServiceError):
    """The HTTP request is not one we answer."""

    code = "bad_request"


class MalformedRequestError(RequestError):
    """The body is not what its media type says, or lacks a part."""

    code = "malformed_request"


class InvalidRequestError(RequestError):
    """The body can be read, but lacks a field, has an unknown one, or one of a wrong type."""

    code = "invalid_request"


class BodyTooLargeError(RequestError):
    """The body is larger than the limit."""

    code = "body_too_large"


class BadMediaTypeError(RequestError):
    """The body is of a media type that this route does not read."""

    code = "unsupported_media_type"


class BodyStalledError(RequestError):
    """The body stopped coming, or comes too slowly."""

    code = "body_stalled"


class TooManyRequestsError(RequestError):
    """The key sends more queries than ``LOOKALIKE_KEY_RATE`` allows."""

    code = "too_many_requests"

    def __init__(self, message: str, seconds: float) -> None:
        """``seconds``: after which the same query would be answered."""
        super().__init__(message)
        self.seconds = seconds


class CallerGoneError(RequestError):
    """Nobody waits for the answer any more."""

    code = "caller_gone"


class FetchDisabledError(RequestError):
    """No URL is fetched: ``LOOKALIKE_FETCH_ALLOWLIST`` is empty."""

    code = "fetch_disabled"


class FetchRefusedError(RequestError):
    """The URL, or where it leads, may not be fetched."""

    code = "fetch_refused"


class FetchFailedError(RequestError):
    """The server behind the URL gave no file, or not in time."""

    code = "fetch_failed"


class UnavailableError(ServiceError):
    """It may work in a moment."""

    code = "unavailable"


class OverloadedError(UnavailableError):
    """The queue of work is full."""

    code = "overloaded"


class TooLateError(UnavailableError):
    """No worker was free within ``LOOKALIKE_QUEUE_SECONDS``."""

    code = "too_late"


class IndexNotLoadedError(UnavailableError):
    """The index has not been built from the store yet."""

    code = "index_not_loaded"


class NotReadyError(UnavailableError):
    """A check of the server's health is failing."""

    code = "not_ready"


class EncoderMissingError(UnavailableError):
    """This service was started without a fingerprinter, so it reads signals but no images."""

    code = "encoder_missing"
