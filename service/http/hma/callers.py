"""Who calls under ``/hma``: a bearer key, a key in the path, or a network that is trusted.

Some of HMA's clients can send no header. The door moves a key that stands in the path into the
header, so that neither routes nor logs see it; a request without any key may come from a network
that the operator trusts.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from starlette.requests import Request

from service.domain.errors import RoleMissingError
from service.http.door.auth import CURATORS, MATCHERS, READERS, Caller
from service.http.door.services import known, services_of
from service.store import Role

NETWORK: Final = "network"
"""The id under which whoever is trusted for where it comes from acts."""

_FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


def querying(request: Request, roles: frozenset[Role] = READERS) -> Caller:
    """Admits who may ask, and counts the query: before the body is read.

    By default whoever may see ids and distances, which HMA's answers hold.
    """
    caller = admitted(request, roles)
    services_of(request).rates.take(caller.key_id)
    return caller


def hashing(request: Request) -> Caller:
    """Admits who may hash: answers hold nothing of any list."""
    return querying(request, MATCHERS)


def curating(request: Request) -> Caller:
    """Admits who may change banks."""
    return admitted(request, CURATORS)


def admitted(request: Request, roles: frozenset[Role]) -> Caller:
    """The caller. Raises ``AuthError``."""
    parts = services_of(request)
    header = request.headers.get("authorization", "")
    if header or not _trusted(request):
        return known(request, parts.doorman.admit(header, roles))
    caller = Caller(NETWORK, frozenset(parts.settings.trusted_roles))
    if not caller.may(roles):
        needed = ", ".join(sorted(roles))
        raise RoleMissingError(f"this needs one of the roles {needed}, or a key that has one")
    return known(request, caller)


def _trusted(request: Request) -> bool:
    settings = services_of(request).settings
    if not settings.trusted_networks or request.client is None:
        return False
    # A proxy whose word is taken was replaced by the client that it named, and its port by 0. Of
    # any other proxy nobody knows for whom it speaks: its own address must not vouch for strangers.
    named_by_proxy = request.client.port == 0
    if not named_by_proxy and any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in settings.trusted_networks)
