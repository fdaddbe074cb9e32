"""The data path: loop, wire, connections, router, chains. Knows nothing of clusters or stores."""
