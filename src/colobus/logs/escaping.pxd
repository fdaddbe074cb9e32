# What other compiled modules may call without going through Python.

cpdef bytes escaped(bytes value)
cpdef bytes escaped_word(bytes value)
