"""The datastore: interface, SQL backends, migrations."""
