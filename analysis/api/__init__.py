"""The analysis under /api/v1: scenarios and the network, runs, studies, and what follows from both."""
