"""Scripts that make the tables of acl; :mod:`colobus.store.migrations` says how."""
