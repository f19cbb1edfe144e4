"""Hashes that need no network: digests, PDQ, and how much structure an image has."""
