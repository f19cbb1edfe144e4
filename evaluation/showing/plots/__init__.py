"""Figures for notebooks: matplotlib, colours that everyone can tell apart, axes with units.

chart      the look they share, and ``Chart``: a figure that shows itself in a notebook
pictures   images side by side with their bits, contact sheets
recall     recall by part with intervals, by edit and strength as a heat map
operating  distances, ROC and DET, false alerts a day, the tail against a known truth
hard       quality by family, distances within families
speed      latency against entries and radius with the floor, memory

Every function takes values and gives a ``Chart``; none reads a file or measures anything.
"""

from evaluation.showing.plots.chart import Chart
from evaluation.showing.plots.hard import collision_matrices, quality_strip
from evaluation.showing.plots.operating import (
    alerts_a_day,
    distances,
    extrapolation_check,
    roc_and_det,
)
from evaluation.showing.plots.pictures import bit_difference, contact_sheet, pairs_sheet
from evaluation.showing.plots.recall import heat_map, one_off_edits, recall_by_part
from evaluation.showing.plots.speed import latency_by_entries, latency_by_radius, memory_by_entries

__all__ = [
    "Chart",
    "alerts_a_day",
    "bit_difference",
    "collision_matrices",
    "contact_sheet",
    "distances",
    "extrapolation_check",
    "heat_map",
    "latency_by_entries",
    "latency_by_radius",
    "memory_by_entries",
    "one_off_edits",
    "pairs_sheet",
    "quality_strip",
    "recall_by_part",
    "roc_and_det",
]
