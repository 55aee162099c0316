"""Work on several processes, and hashes that tell whether it must be done again."""
