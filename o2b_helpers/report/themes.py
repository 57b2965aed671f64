"""The dark partner of every colour that the figures use; the pages' scripts put one for the other."""

from __future__ import annotations

DARK = {
    "white": "#0d1117", "#ffffff": "#0d1117", "#fff": "#0d1117",
    # style.py: text, muted text, rules, zero lines
    "#1f2328": "#e6edf3", "#57606a": "#a3adb8", "#e3e6ea": "#2d333b", "#8c959f": "#6e7681",
    # Okabe and Ito's colours, lighter, so that they stand out on dark
    "#222222": "#f0f3f6", "#0072b2": "#58b5ec", "#009e73": "#2cc79a", "#d08700": "#f0ad33", "#b5578c": "#e592c0",
    "#d55e00": "#ff8d4d", "#5b5bc0": "#a9a9f5",
    # cells without a value in figure 5
    "#c9ced4": "#3b424b",
}  # fmt: skip
