"""A replica: the indexes fed from the store, and the matcher that asks them."""
