"""Runs of the notebooks as a graph of separate processes, reusing unchanged results."""
