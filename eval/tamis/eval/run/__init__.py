"""Runs that survive: a plan, a journal, and what puts each case to the target once, however often it is interrupted."""
