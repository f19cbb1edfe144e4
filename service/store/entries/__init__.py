"""Entries: what they are now, what they were, and how both are packed into rows."""
