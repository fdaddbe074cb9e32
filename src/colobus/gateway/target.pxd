# C types for the compiled build of target.py.

cdef class Target:
    cdef public bytes path, query, authority

cpdef Target read_target(bytes method, bytes target)
