"""Serf on top of SWIM: intents, members, tags, user events and queries.

No input or output, no clock, no chance of its own. ``core`` is the delegate of ``swim`` and puts
the parts together: ``members`` and ``membership`` (who is what), ``events`` (user events),
``asking``, ``answering``, ``filters`` and ``internal`` (queries), ``keys`` and ``conflict`` (what
internal queries are for), ``synchronisation`` (comparing everything), ``upkeep`` and
``departure`` (what happens by and by), ``facts`` (what the node tells its owner).
"""
