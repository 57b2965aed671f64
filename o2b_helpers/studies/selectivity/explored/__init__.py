"""What the study tells where others look at single filters, such as the explorer of notebook 09."""
