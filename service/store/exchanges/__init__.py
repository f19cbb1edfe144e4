"""Exchanges: where lists are fetched from, up to where that was done, and how each sync went."""
