"""Cohorts on disk, ours and other people's. Imports `data` alone."""
