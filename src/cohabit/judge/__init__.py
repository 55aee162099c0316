"""Findings beside what was published and planted. Imports `data` and `files`."""
