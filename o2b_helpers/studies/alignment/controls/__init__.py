"""The step that holds the networks against controls: networks with drawn weights, and low-level picture features."""
