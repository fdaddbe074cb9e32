# C types for the compiled build of line.py.

cimport cython

cdef list NUMBERS, MILLISECONDS

cdef class TimeStamp:
    cdef public object clock
    cdef public bytes text
    cdef public double until

    cpdef bytes at(self, double now)
    cpdef renew(self, double now)

cpdef bytes request_line(bytes method, bytes target, bytes protocol)
cpdef bytes combined_line(
    bytes address,
    bytes user,
    bytes stamp,
    bytes request,
    int status,
    long long size,
    bytes referer,
    bytes agent,
    double request_time,
    double upstream_time,
)
cpdef bytes number(long long value)
@cython.locals(milliseconds=cython.longlong)
cpdef bytes seconds(double duration)
