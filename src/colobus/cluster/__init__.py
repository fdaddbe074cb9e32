"""The cluster agent: a member of a HashiCorp Serf gossip pool. Knows nothing of gateways."""
