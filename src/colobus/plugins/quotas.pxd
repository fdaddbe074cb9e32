# C types for the compiled build of quotas.py.

cpdef str identifier_of(exchange, str limit_by)
