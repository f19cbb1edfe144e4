"""The HTTP door, the store behind it and the command line."""
