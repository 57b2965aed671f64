"""Which objects drive the agreement? Filter sensitivity times filter lesions (paper 000, section 3).

Notebooks 05 to 09.
"""
