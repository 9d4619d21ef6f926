"""The server's side of the socket /ws/analysis/progress: who comes, what they ask, and what they are told.

`analysis.consumers` is the socket itself. Whatever reads the database is a plain function here, called in a few threads
of its own (`threads.database`).
"""
