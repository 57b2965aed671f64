"""The figures of the study, one file each."""
