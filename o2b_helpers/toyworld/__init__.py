"""A small world whose truth is known: pictures, people and networks that ship with the package.

Everything is drawn by code from a seed.
"""
