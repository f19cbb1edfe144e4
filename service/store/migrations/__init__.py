"""The layouts a store had, and the way from each to the next."""
