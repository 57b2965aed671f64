"""What a network predicts without some of its filters, or with them strengthened.

A pass is resumed at the layer that is changed.
"""
