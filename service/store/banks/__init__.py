"""Banks and their policies."""
