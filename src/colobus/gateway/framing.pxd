# C types for the compiled build of framing.py.

cimport cython

cdef bytes HEX_VALUES

cdef class ChunkedBody:
    cdef public bint done
    cdef public Py_ssize_t payload
    cdef int state
    cdef Py_ssize_t remaining, trailer_size
    cdef bytes line

    @cython.locals(at=Py_ssize_t, size=Py_ssize_t, stop=Py_ssize_t)
    cpdef Py_ssize_t scan(self, bytes data, Py_ssize_t start, list pieces) except -1
    @cython.locals(end=Py_ssize_t, after=Py_ssize_t, line=bytes)
    cdef Py_ssize_t read_line(self, bytes data, Py_ssize_t at) except -1
    cdef void keep_unfinished(self, bytes part) except *
    @cython.locals(digits=bytes, digit="unsigned char", value="unsigned char", size=Py_ssize_t)
    cdef void start_chunk(self, bytes line) except *
    cdef void take_trailer_line(self, bytes line) except *

cdef class ChunkedScanner(ChunkedBody):
    cpdef Py_ssize_t feed(self, bytes data, Py_ssize_t start) except -1

cdef class ChunkedDecoder(ChunkedBody):
    cpdef tuple feed(self, bytes data, Py_ssize_t start)

cdef class ChunkedTrailerDecoder(ChunkedDecoder):
    cdef public bytes trailers

    cdef void take_trailer_line(self, bytes line) except *
