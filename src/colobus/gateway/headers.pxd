# C types for the compiled build of headers.py.

cpdef str text(bytes value)
cpdef bytes header_key(str name)
cpdef bytes header_line(str name, str value)
