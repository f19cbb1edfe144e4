"""The index beside FAISS: latency, memory, changes, restarts, over sizes and radii."""
