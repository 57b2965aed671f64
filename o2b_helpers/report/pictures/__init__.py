"""Figures as pictures: a browser that stays offline draws them, and what it draws is written whole or not at all."""
