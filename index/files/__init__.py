"""Index files: arrays with checksums in one file, and the lock of the folder they lie in."""
