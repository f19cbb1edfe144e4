"""Benchmarks that need the service: lists coming in, and what is asked of them."""
