"""The command line: `colobus`, also installed as `kong`."""
