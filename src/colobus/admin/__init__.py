"""The Admin API: an ASGI application over the store; a client of the node, never of workers."""
