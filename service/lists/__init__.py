"""A hash list becomes rows: formats of files."""
