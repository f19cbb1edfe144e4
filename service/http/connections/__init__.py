"""The door: what a connection may cost before anybody knows who is calling."""

from service.http.connections.connections import Connections
from service.http.connections.entrance import Entrance, Limits, Refusal
from service.http.connections.listening import listening

__all__ = ["Connections", "Entrance", "Limits", "Refusal", "listening"]
