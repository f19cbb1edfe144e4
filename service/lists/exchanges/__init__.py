"""Exchanges: where hash lists are fetched from, page by page, with a place to go on from."""
