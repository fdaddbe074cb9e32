# C types for the compiled build of route.py.

cdef class Route:
    cdef public dict api
    cdef public str id, name, scheme, host
    cdef public tuple age, hosts, uris, methods, address, key
    cdef public long long retries, port
    cdef public double connect_timeout, send_timeout, read_timeout
    cdef public bint preserve_host, strip_uri, https_only, http_if_terminated
    cdef public bytes base_path, host_header

cdef class Match:
    cdef public Route route
    cdef public bytes uri
