"""The figure of the made-up study.

One file.
"""
