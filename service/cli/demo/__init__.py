"""The demo: the main job end to end against the real service."""
