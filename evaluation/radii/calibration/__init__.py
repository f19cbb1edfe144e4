"""How often unrelated images match, per pair, and which radius to set.

rates      false rates with exact intervals; expected false matches on a list of a size
pairs      histograms of the distances of all pairs, in bounded memory
choice     the rule that turns a curve into a radius: ``recommend``, ``OperatingPoint``
gathering  references, unrelated queries and copies of a user's corpora, encoded
measuring  all of it: ``calibrate``
table      the figures for a terminal

``lookalike-eval calibrate`` prints them for a user's own images.
"""

from evaluation.radii.calibration.choice import OperatingPoint, recommend
from evaluation.radii.calibration.rates import expected_false_matches

__all__ = ["OperatingPoint", "expected_false_matches", "recommend"]
