# C types for the compiled build of upstream.py.

from colobus.gateway.answer_framing cimport AnswerFraming
from colobus.gateway.delivery cimport Delivery
from colobus.gateway.environment cimport Environment
from colobus.gateway.loop cimport Connecting, Transport
from colobus.gateway.pool cimport Poolable
from colobus.gateway.timers cimport Timer
from colobus.gateway.wire cimport ResponseHead, parse_response

cdef class UpstreamConnection(Poolable):
    cdef public Environment environment
    cdef public Delivery delivery
    cdef public AnswerFraming framing
    cdef public Connecting connecting
    cdef public Transport transport
    cdef public Timer timer
    cdef public object session
    cdef public bytes buffer
    cdef public int interim, state
    cdef public long long sent_in_turn, unsent
    cdef public bint is_reused, keep_alive, read_paused, was_heard, write_paused

    cpdef connect(self)
    cpdef begin_tls(self)
    cpdef tls_failed(self, error)
    cpdef send(self, bytes data, Delivery delivery)
    cpdef write(self, bytes data)
    cpdef receive(self, bytes data)
    cpdef send_more(self, bytes data, Delivery delivery)
    cpdef read_head(self, bytes data, Delivery delivery)
    cpdef read_interim(self, ResponseHead head, bytes data, Delivery delivery)
    cpdef pass_on(self, bytes out, bytes data, Py_ssize_t start, Delivery delivery)
    cpdef release(self, Delivery delivery)
    cpdef pause_reading(self)
    cpdef resume_reading(self)
    cpdef arm(self, double seconds)
