# C types for the compiled build of uri.py.

from colobus.gateway.route cimport Match

cpdef bytes upstream_path(Match match, bytes path)
cpdef bytes resolve_dots(bytes path)
