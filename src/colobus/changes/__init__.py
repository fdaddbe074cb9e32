"""How a node follows the datastore: revisions, hints, catching up."""
