"""Scripts that make the tables of oauth2; :mod:`colobus.store.migrations` says how."""
