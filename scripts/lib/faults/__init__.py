"""Killed and resumed runs; ``scripts/faults.py`` is the program."""
