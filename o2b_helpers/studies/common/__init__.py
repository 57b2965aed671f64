"""What several studies read from a profile: its networks, their input pictures, and its targets.

Nothing in here is a step.
"""
