"""Figures, explorer and report, drawn from the results alone."""

from o2b_helpers.view.explorer import explorer
from o2b_helpers.view.figures import draw_figures, figure_1, figure_2, figure_3, figure_4, figure_5
from o2b_helpers.view.report import write_report
from o2b_helpers.view.results import Results

__all__ = [
    "Results", "draw_figures", "explorer", "figure_1", "figure_2", "figure_3", "figure_4", "figure_5", "write_report",
]  # fmt: skip
