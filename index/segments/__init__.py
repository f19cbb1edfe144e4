"""What an index of codes is made of: sealed segments, the newest rows, and their state."""
