# The compiled build of presence.py needs no C types.
