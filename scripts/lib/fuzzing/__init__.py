"""Damaged picture files, and the process that reads them; ``scripts/fuzz.py`` is the program."""
