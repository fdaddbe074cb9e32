"""Scripts that make the tables of the gateway itself, in order. A script is frozen once released.

How to write one, here or for a plugin's own tables:

* The file is named as its revision: the module (``core``, or the plugin's name with underscores),
  then four digits. ``down_revision`` is the file before it; the first has None. Modules are
  independent histories; those of plugins run behind ``core``.
* It says itself what it makes (``alembic.op``) and imports nothing of this package, whose tables
  of today are not those of the day it was written.
* It runs on every database: no dialect's own SQL; columns change by ``op.batch_alter_table``.
* It runs inside one transaction with all others, while no other node migrates. Nodes of the
  version before may still be running: add with a default first, remove a release later.
"""
