# C types for the compiled build of query.py.

cdef class Query:
    cdef public bytes raw
