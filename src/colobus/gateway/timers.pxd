# C types for the compiled build of timers.py.

cdef class Timer:
    cdef public Timers timers
    cdef public double when
    cdef public object callback
    cdef public long long tick

    cpdef cancel(self)
    cpdef rest(self)
    cpdef move(self, double when)

cdef class Timers:
    cdef public dict buckets
    cdef public list ticks

    cpdef Timer schedule(self, double when, callback)
    cpdef insert(self, Timer timer)
    cpdef discard(self, Timer timer)
    cpdef double next_deadline(self) except -1
    cpdef long run_due(self, double now) except -1
    cpdef list take_due(self, double now)
