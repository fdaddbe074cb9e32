"""Scripts that make the tables of key-auth; :mod:`colobus.store.migrations` says how."""
