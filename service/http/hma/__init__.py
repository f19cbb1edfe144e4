"""The API of Hasher-Matcher-Actioner under ``/hma``: a client of it works by changing its base URL.

It answers as a running HMA was recorded to answer, quirks included; where it does not, docs/hma.md
says so and why, and a test holds the two together.
"""
