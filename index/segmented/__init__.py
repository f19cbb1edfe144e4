"""The index of codes that the service uses: changed while it is queried, and kept on disk."""
