"""The analyses, one folder for each, and the registry that lists them.

Studies do not import each other, but for the steps that they declare as needs.
"""
