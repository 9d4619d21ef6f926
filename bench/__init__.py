"""How fast the engine is, beside the same model in NumPy and in JAX: `make bench`, or `python -m bench [--quick]`."""
