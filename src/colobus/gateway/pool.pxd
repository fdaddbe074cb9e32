# The compiled build of pool.py needs no C types: it looks up in dictionaries.
