"""The step that compares two agreements with each other, and the table it writes: pairs of targets, pairs of models."""
