"""From codes to matches: exact search within a Hamming radius.

Knows no images, no HTTP, no database.
"""
