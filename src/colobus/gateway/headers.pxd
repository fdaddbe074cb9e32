# C types for the compiled build of headers.py.

from colobus.gateway.wire cimport line_of

cdef class PreparedChanges:
    cdef public tuple names
    cdef public bytes lines

cpdef str text(bytes value)
cpdef bytes header_key(str name)
cpdef bytes header_line(str name, str value)
cpdef bytes line_start(str name)
cpdef PreparedChanges prepared(changes, own)
