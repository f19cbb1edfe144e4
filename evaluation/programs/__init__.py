"""The programs of this package behind one command, ``lookalike-eval``."""
