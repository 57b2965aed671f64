"""Figures as pictures, drawn by a browser that stays offline; maps, boxes and words over and beside pictures."""
