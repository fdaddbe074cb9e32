# C types for the compiled build of tls.py.

from colobus.gateway.loop cimport Transport

cdef class TlsTransport(Transport):
    cdef public object agreed, session

    cdef arrived(self, bytes data)
    cdef ended(self)
    cpdef refuse(self, error)
    cpdef write(self, bytes data)
    cpdef write_eof(self)
    cpdef close(self)
    cpdef say_goodbye(self)
