"""The figures of ``selectivity``: each drawing with its caption, and its tables."""
