"""Experiments that simulate and analyse: two worlds, traps, arena, planner, realism."""
