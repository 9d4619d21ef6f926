"""The mathematics of the AI futures analysis: one model document in, one result document out.

Plain NumPy, Numba and SciPy; nothing here knows of Django, Redis, a database or a terminal. The contract is
MODEL.md beside this file, whose sections the docstrings cite.
"""

ENGINE_VERSION = "1.2.0"
"""Changes whenever any number that the engine gives could change; part of every cache key."""
