# C types for the compiled build of plugin_rows.py: of what requests touch.

cdef class Step:
    cdef public object asks, config, run
    cdef public str name
    cdef public long order
    cdef public bint is_global
