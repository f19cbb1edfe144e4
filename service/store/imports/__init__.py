"""Whole lists: one comes in as a new version, or goes back to an earlier one."""
