"""Copy detection measured: edits, hashes of the edited, and what each signal finds."""
