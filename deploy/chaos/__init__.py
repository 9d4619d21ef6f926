"""Chaos: what becomes of runs while the processes that compute, serve and keep them are killed, stopped or frozen."""
