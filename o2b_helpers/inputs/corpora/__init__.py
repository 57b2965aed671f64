"""Collections of rated pictures, and the tables that list them.

A corpus of another kind gets its reader here.
"""
