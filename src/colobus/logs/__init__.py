"""What every log of a node is made of: levels, lines that cannot be forged, files that rotate."""
