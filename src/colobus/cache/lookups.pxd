# C types for the compiled build of lookups.py.

from colobus.cache.fenced cimport FencedCache

cdef class CachedLookups:
    cdef public FencedCache cache
    cdef public object _ask
    cdef public dict _flights

    cpdef cached(self, kind, str field, str value)
