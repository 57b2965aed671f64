"""Figures 3 to 5, each with its caption and the tables below it.

What figures 3 and 4 share has a file of its own.
"""
