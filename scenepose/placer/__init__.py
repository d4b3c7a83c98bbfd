"""The placer: people where people would be, from physics alone.

`space` reads a frame's geometry (floor, seats, obstacles), `bodies` draws people and puts them on their
supports, `checks` rejects those that collide, float, hide or leave the picture, and `place` turns a frame
into points with all the poses found to fit there.
"""
