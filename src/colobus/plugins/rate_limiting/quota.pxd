# C types for the compiled build of quota.py.

cdef class Quota:
    cdef public tuple shown
    cdef public double since, until
    cdef public list windows
