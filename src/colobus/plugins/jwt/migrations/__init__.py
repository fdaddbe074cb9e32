"""Scripts that make the tables of jwt; :mod:`colobus.store.migrations` says how."""
