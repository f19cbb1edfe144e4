"""Search and encoding on CUDA devices, beside what the device can do at most."""
