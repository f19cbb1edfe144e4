"""Backups: made while others read and write, checked, and restored to either database."""
