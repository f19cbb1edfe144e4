"""Codes in the memory of a device: where each stands, its group, whether it is in force."""
