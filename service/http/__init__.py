"""The HTTP service: the door, the shapes of what passes it, and the routes."""
