"""The commands, one per module; each imports what it needs when it runs, to answer quickly."""
