"""Answers to clicks, from a picture to the people who fit there."""

#: The best score from which somebody fits at a point; below it hardly anybody does.
FITS = 1 / 3
