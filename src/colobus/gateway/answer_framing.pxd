# C types for the compiled build of answer_framing.py.

from colobus.gateway.framing cimport ChunkedScanner
from colobus.gateway.wire cimport ResponseHead

cdef class AnswerFraming:
    cdef public bint is_done
    cdef public int kind
    cdef public long long remaining
    cdef public ChunkedScanner scanner

    cpdef begin(self, ResponseHead head, bint is_head)
    cpdef Py_ssize_t follow(self, bytes data, Py_ssize_t start) except -1
