# C types for the compiled build of fenced.py.

cdef class _Entry:
    cdef public tuple rows, token_key
    cdef public long long size
    cdef public bint used

cdef class _Segment:
    cdef public object entries
    cdef public long long capacity, size

cdef class FencedCache:
    cdef public object statistics, _catalog, _touched
    cdef public bytes _salt
    cdef public _Segment _negative, _positive
    cdef public dict _by_token
    cdef public long long _floor, hits, misses

    cpdef tuple get(self, str kind, str field, str value)
