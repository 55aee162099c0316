"""Rooms that draw worlds and analyse them: two worlds, traps, arena, planner, realism."""
