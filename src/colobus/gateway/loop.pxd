# What other compiled modules may call without going through Python.

from libc.stdint cimport uint32_t


cdef class Protocol:
    cpdef connection_made(self, Transport transport)
    cpdef data_received(self, bytes data)
    cpdef eof_received(self)
    cpdef connection_lost(self, error)
    cpdef pause_writing(self)
    cpdef resume_writing(self)


cdef class Handler:
    cdef void on_event(self, uint32_t events) except *
    cpdef fail(self)
    cpdef bury(self)


cdef class Loop:
    cdef public object clock
    cdef public object timers
    cdef public double now
    cdef readonly long long turns
    cdef public bint foreign
    cdef readonly object epoll
    cdef int epoll_fd
    cdef list table
    cdef list unread
    cdef list dead
    cdef list soon
    cdef object monotonic
    cpdef turn(self, int timeout_ms)
    cpdef call_soon(self, callback)
    cdef int wait_ms(self, int timeout_ms) except -2
    cdef run_soon(self)
    cdef read_unread(self)
    cdef bury_dead(self)
    cdef register(self, int fd, Handler handler, uint32_t mask)
    cdef void unregister(self, int fd) noexcept
    cdef void forget(self, int fd)


cdef class Transport(Handler):
    cdef readonly Loop loop
    cdef public Protocol protocol
    cdef readonly tuple peer
    cdef readonly Py_ssize_t buffered
    cdef readonly bint closing, readable
    cdef int fd
    cdef tuple local_address
    cdef list out
    cdef Py_ssize_t skipped
    cdef Py_ssize_t high
    cdef bint reading, queued, ending, hung_up, watches_out
    cdef bint writable, eof, closed, paused_writer
    cdef object broken, error
    cpdef write(self, bytes data)
    cpdef write_eof(self)
    cpdef pause_reading(self)
    cpdef resume_reading(self)
    cpdef close(self)
    cpdef abort(self)
    cpdef set_write_buffer_limit(self, Py_ssize_t high)
    cdef start(self)
    cdef receive(self)
    cdef read_again(self)
    cdef receive_more(self)
    cdef arrived(self, bytes data)
    cdef ended(self)
    cdef hang_up(self, uint32_t events)
    cdef break_off(self, error)
    cdef flush(self)
    cdef drained(self)
    cdef shut(self)
    cdef pause_writer(self)
    cdef void watch_out(self) noexcept
    cdef kill(self, error)


cdef class Connecting(Handler):
    cdef Loop loop
    cdef tuple peer
    cdef Protocol protocol
    cdef object failed
    cdef bint settled
    cdef int fd
    cdef start(self, tuple address)
    cdef give_up(self, error)
    cpdef cancel(self)


cdef class Listener(Handler):
    cdef Loop loop
    cdef object sock, factory, wrap, pause
    cdef int fd
    cdef bint open, complained
    cdef greet(self, int fd, tuple peer)
    cdef pause_accepting(self, int code)
    cpdef close(self)
    cpdef resume(self)
