"""The placer: people where people would be, from physics alone.

`space` reads what is known of a room, from one frame's depth or from the room's mesh, with `solids` telling
how far the next surface is; `supports` finds where one can sit, lie and lean. `bank` holds the bodies,
recorded ones and those that `postures` and `lying` derive; `people` sets them down. `checks` rejects who
collides (`limbs` gives bodies their thickness), floats, hides or leaves the picture. `frame_placer` does all
that for one frame, and `place` turns it into points with all the poses found to fit there.
"""
