"""The benchmarks behind ``python -m scripts.benchmark``."""
