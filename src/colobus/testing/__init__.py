"""Shipped fakes for tests of this package and of plugins."""
