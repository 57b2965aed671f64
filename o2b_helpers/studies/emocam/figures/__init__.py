"""The figures of ``emocam``: each drawing with its caption, its words for those who cannot see it, and its tables."""
