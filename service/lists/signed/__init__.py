"""Signed lists: a list in one file that says who made it, what it holds, and what came before.

::

    manifest.json    provider, list, number, code spaces, counts, digests of the parts, the one
                     before
    signature.json   Ed25519 over the bytes of the manifest, and the public key
    entries.jsonl    the whole list, in our lossless form
    delta.jsonl      how it differs from the one before

One ZIP archive. Who imports it pins a public key to the list; whatever another key signs, nobody
signs, was altered, or is no newer than what was imported last, is refused (``store.imports.pins``).
It knows files and keys; no store. ``package`` reads, ``publishing`` writes.
"""
