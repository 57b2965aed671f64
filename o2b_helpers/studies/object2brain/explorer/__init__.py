"""The explorer of single filters: a widget in JupyterLab, and a section of the report.

It reads stored results and asks the network anew for sets of filters.
"""
