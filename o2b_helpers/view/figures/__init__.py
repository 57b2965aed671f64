"""Figures 1 to 5, drawn from the results alone."""

from o2b_helpers.view.figures.alignment import figure_1
from o2b_helpers.view.figures.category_layers import figure_3
from o2b_helpers.view.figures.category_models import figure_4
from o2b_helpers.view.figures.draw import draw_figures
from o2b_helpers.view.figures.layers import figure_2
from o2b_helpers.view.figures.overlap import figure_5

__all__ = ["draw_figures", "figure_1", "figure_2", "figure_3", "figure_4", "figure_5"]
