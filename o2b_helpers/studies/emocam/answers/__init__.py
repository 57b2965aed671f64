"""The answers of the study, in words and with how sure they are; and which numbers a pair is named by."""
