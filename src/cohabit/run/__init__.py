"""Notebooks as tasks of a graph: each in a process of its own, none run twice for nothing."""
