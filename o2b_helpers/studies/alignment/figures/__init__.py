"""Figures 1 and 2, each with its caption and the tables below it.

What both draw, ceilings and sources, has files of its own.
"""
