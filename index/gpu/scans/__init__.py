"""Queries against the rows of a device: kernels, what starts them, and how results come back."""
