"""How much of a picture's arousal and valence is in its objects, its scene and its faces (Deep Affect, paper 003).

Features of ready networks are learnt from by feed-forward networks and by ridge regression, group by group.
"""
