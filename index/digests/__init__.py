"""Exact look-up of digests and hashed URLs, fed by the same changes as the index of codes."""
