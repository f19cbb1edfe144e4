"""Programs of this package that no command of ``lookalike`` starts."""
