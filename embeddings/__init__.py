"""From pixels to fingerprints: checked images, digests, PDQ, the learnt code.

Knows no index, no HTTP.
"""
