"""Metrics and plots: pure functions of NumPy arrays."""
