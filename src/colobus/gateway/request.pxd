# C types for the compiled build of request.py.

from colobus.gateway.body cimport RequestBody
from colobus.gateway.headers cimport PreparedChanges, header_key, header_line, prepared, text
from colobus.gateway.query cimport Query
from colobus.gateway.wire cimport RequestHead, find, find_all, remove, remove_all

cimport cython

cdef class Request:
    cdef public RequestBody body_source
    cdef public bytes client_host, host, protocol, raw_path
    cdef public RequestHead head
    cdef public Query query
    cdef public str scheme

    cpdef get_header(self, str name)
    cpdef list get_headers(self, str name)
    cpdef set_header(self, str name, str value)
    cpdef add_header(self, str name, str value)
    cpdef remove_header(self, str name)
    @cython.locals(done=PreparedChanges)
    cpdef change_headers(self, changes)
    cpdef bytes own_header(self, bytes key)
