"""From a rate of false matches to a radius: how often unrelated images match."""
