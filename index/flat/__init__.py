"""A scan by FAISS: every benchmark's baseline, and the index where no kernel can be compiled."""
