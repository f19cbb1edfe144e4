"""The published copy-detection benchmarks, for whoever holds their images.

layouts   where DISC21 and Copydays keep references, queries, training images and ground truth
search    similarities of all pairs, block by block, reduced to what the protocols need
protocol  their metrics: micro average precision with and without score normalisation, mAP
running   from a folder and an encoder to the figures

table     the figures for a terminal

``lookalike-eval published --disc21 DIR`` or ``--copydays DIR`` prints them, for the code and
for the descriptor behind it. Neither set is part of this project, nor fetched by it.
"""
