# C types for the compiled build of forwarding.py.

cpdef bytes forwarded_lines(str address, str scheme, bytes chain)
