"""One node put together: supervisor, workers, the bus between them, signals."""
