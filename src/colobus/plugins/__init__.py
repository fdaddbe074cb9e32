"""The plugin framework and the bundled plugins."""
