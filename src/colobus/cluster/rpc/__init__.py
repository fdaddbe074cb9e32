"""RPC of the agent: what the ``serf`` command line client and our own speak to it."""
