"""How well photographs are told from the rest.

metrics    AUROC, calibration error, shares between two bounds: pure functions
scoring    the probability of each picture, re-encoded so that its compression tells nothing
held_out   scores of pictures whose sources a model had not seen
measuring  from a corpus and an encoder to every figure, with intervals
table      the figures for a terminal

``lookalike-eval imagery`` prints them for a user's own images. The package knows nothing of
codes or matches.
"""
