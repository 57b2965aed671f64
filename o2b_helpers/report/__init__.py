"""The machinery of figures, tables and pages: nothing in here knows what a study says.

A study hands over its declarations, and this folder draws, writes and embeds.
"""
