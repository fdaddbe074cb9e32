"""Settings: one declaration each, read from file, environment and flags."""
