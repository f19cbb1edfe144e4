"""From what was found to a verdict: pure functions."""
