"""The tables that the steps write: noise ceilings, decoding.

Each is a function from tables to a table.
"""
