"""Figures, explorer and report, drawn from the results alone."""
