"""``lookalike-eval``: one program for every measurement that no command of ``lookalike`` starts."""
