"""What each group of features contributes to a value that all of them reach together."""
