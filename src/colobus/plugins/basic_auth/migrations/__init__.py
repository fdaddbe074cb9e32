"""Scripts that make the tables of basic-auth; :mod:`colobus.store.migrations` says how."""
