"""What every index promises, and the brute force that says what the right answer is."""
