"""How good and how fast: edits, metrics, reports, benchmarks. Knows nothing of the service."""
