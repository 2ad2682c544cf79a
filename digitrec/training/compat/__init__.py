"""Everything that touches private names of Lightning, jsonargparse, torch and lightning_utilities.

No other module does. ``tests/training/compat/test_contract.py`` checks each of these names, so that it fails
first when a release changes them; pyproject.toml has upper bounds for Lightning and jsonargparse.
"""
