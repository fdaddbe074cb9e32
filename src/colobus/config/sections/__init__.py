"""The settings, one section per module; :mod:`colobus.config.settings` puts them together."""
