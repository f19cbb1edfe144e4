"""What can go wrong between an exchange and a list on this machine.

::

    ServiceError
    ├── InvalidValueError
    │   └── BadExchangeError         its settings cannot be used
    └── ExchangeError                nothing was changed; the next time may go well
        ├── ExchangeAwayError        it does not answer, or asks to be left alone
        ├── ExchangeRefusedError     it does not let us in
        └── ExchangeOddError         it answers what its protocol does not know
            └── PlaceExpiredError    it no longer knows the page we would go on from

A message names the exchange's host and what was wrong; never a credential, an address with its
query, or a listed hash.
"""

from __future__ import annotations

from service.domain.errors import InvalidValueError, ServiceError


class BadExchangeError(InvalidValueError):
    """The settings of an exchange cannot be used."""

    code = "bad_exchange"


class ExchangeError(ServiceError):
    """An exchange could not be read to its end; nothing was changed."""

    code = "exchange_failed"


class ExchangeAwayError(ExchangeError):
    """The exchange does not answer, or asked us to come back later."""

    code = "exchange_away"

    def __init__(self, said: str, seconds: float | None = None) -> None:
        """``seconds``: after which the exchange asked to be asked again, if it did."""
        super().__init__(said)
        self.seconds = seconds


class ExchangeRefusedError(ExchangeError):
    """The exchange refused our credentials."""

    code = "exchange_refused"


class ExchangeOddError(ExchangeError):
    """The exchange answered what its protocol does not know."""

    code = "exchange_odd"


class PlaceExpiredError(ExchangeOddError):
    """The exchange no longer knows the page that was to come next."""

    code = "exchange_place_expired"
