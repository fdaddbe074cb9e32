"""SWIM with Lifeguard, as memberlist speaks it: who is there, and how everybody learns it.

No input or output, no clock, no chance of its own. ``core`` puts the parts together:
``table`` (who), ``rules`` (what a message changes), ``probing`` and ``answering`` (is it there),
``suspicion`` and ``awareness`` (am I sure), ``broadcasts`` and ``gossip`` (tell everybody),
``merge`` and ``exchange`` (compare everything), ``schedule`` (when).
"""
