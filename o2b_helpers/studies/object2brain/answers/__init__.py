"""The study's answers in words.

Each file answers one question from the results; the page and the notebooks show it.
"""
