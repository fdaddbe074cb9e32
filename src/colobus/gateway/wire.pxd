# What other compiled modules may use of wire.pyx without going through Python.

cdef class HeadLimits:
    cdef readonly Py_ssize_t request_line, header_line, head, header_count

cdef class Head:
    cdef public bytes lines, connection, upgrade, coding
    cdef public long long content_length
    cdef public Py_ssize_t size
    cdef public bint chunked, http10, keep_alive

cdef class RequestHead(Head):
    cdef public bytes method, target, host, forwarded_for, forwarded_proto
    cdef public Py_ssize_t start
    cdef public bint expect_continue

cdef class ResponseHead(Head):
    cdef public int status
    cdef public bytes reason

cpdef RequestHead parse_request(bytes data, HeadLimits limits)
cpdef ResponseHead parse_response(bytes data, HeadLimits limits)
cpdef bytes find(bytes lines, bytes name)
cpdef list find_all(bytes lines, bytes name)
cpdef bytes remove(bytes lines, bytes name)
cpdef bytes remove_all(bytes lines, tuple names)
cpdef bytes length_line(long long length)
cpdef Py_ssize_t find_byte(bytes data, int code, Py_ssize_t start) except -2
cpdef bytes line_of(bytes start, bytes value)
cpdef bytes drop_lines(bytes lines, bytes names)
cpdef list names_and_values(bytes lines)
