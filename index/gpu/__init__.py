"""Exact Hamming search on CUDA devices, with torch and Triton; on a CPU through torch alone

The codes live in the memory of one device or are spread over several, and change in place::

    from index.gpu import open_gpu_index, wants_gpu

    if wants_gpu(settings.device):
        index = open_gpu_index(settings.device)  # a NumberedIndex, empty: feed it from the store

How it works
    ``slabs`` holds codes as eight planes of 32-bit words and one word a row that says which group
    it is in, its own radius, and whether it counts. ``scanning`` runs kernels over them and reads
    what they found; a result buffer that was too small is noticed and the scan repeated with the
    exact size. ``kernels`` has two ways to compare, popcounts and an int8 matrix product; ``plain``
    has the same in torch. ``calibration`` says from which batch size the second is quicker.

What it knows not
    Files: it is fed anew at each start. Images, banks' policies, HTTP. Importing this package does
    not load torch, and nothing else in ``index`` imports it.
"""

from index.gpu.opening import open_gpu_index, wants_gpu

__all__ = ["open_gpu_index", "wants_gpu"]
