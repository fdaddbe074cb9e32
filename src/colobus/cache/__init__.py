"""The bounded read-through cache of a worker, with fences and single flight."""
