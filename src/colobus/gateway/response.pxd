# C types for the compiled build of response.py.

from colobus.gateway.headers cimport header_key, header_line, text
from colobus.gateway.wire cimport find, find_all, remove

cdef class Response:
    cdef public long long content_length
    cdef public bint is_ended
    cdef public bytes lines
    cdef public list replaced
    cdef public int status_code

    cpdef attach(self, int status, bytes lines, long long content_length)
    cpdef get_header(self, str name)
    cpdef list get_headers(self, str name)
    cpdef set_header(self, str name, str value)
    cpdef add_header(self, str name, str value)
    cpdef remove_header(self, str name)
