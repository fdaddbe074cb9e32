"""Scripts that make the tables of hmac-auth; :mod:`colobus.store.migrations` says how."""
