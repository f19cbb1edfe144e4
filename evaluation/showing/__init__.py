"""Measurements as reports, tables for data scientists, and plots."""
