"""The door: what a connection may cost before anybody knows who is calling."""

from service.door.connections import Connections
from service.door.entrance import Entrance, Limits, Refusal
from service.door.listening import listening

__all__ = ["Connections", "Entrance", "Limits", "Refusal", "listening"]
