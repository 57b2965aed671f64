"""Through which filters a hidden object changes a prediction: an exact share for every filter, and tests of it."""
