"""What people bring: pictures, ratings, signals and the tables that name them, read and checked.

Nothing in here computes a result.
"""
