"""Rooms: furnished rooms of seven types, path-traced, with depth, labels, camera and mesh.

Runs in an environment of its own (Python 3.11, see requirements.txt) and imports nothing of the project;
the project reads what it writes. `python -m train.world.render --help` says how.
"""
