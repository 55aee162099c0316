"""Parallel work in processes, and hashes that tell whether it must be repeated."""
