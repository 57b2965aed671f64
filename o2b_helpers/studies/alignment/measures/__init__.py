"""The tables that the steps write: correlations with targets, noise ceilings, decoding.

Each is a function from tables to a table.
"""
