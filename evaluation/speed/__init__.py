"""How fast: fingerprints, HTTP, the index and GPUs, each beside a plain baseline."""
