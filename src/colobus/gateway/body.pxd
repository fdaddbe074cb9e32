# C types for the compiled build of body.py.

from colobus.gateway.framing cimport ChunkedDecoder

cdef class RequestBody:
    cdef public ChunkedDecoder decoder
    cdef public bint discarding, ended, is_complete, is_whole
    cdef public bytes ending
    cdef public list pieces
    cdef public object reader, refusal, wanted
    cdef public long long counted, limit, reader_limit, received, remaining, sent, size

    cpdef Py_ssize_t feed(self, bytes data, Py_ssize_t start) except -1
    cpdef bytes take(self)
    cpdef bytes framing(self)
