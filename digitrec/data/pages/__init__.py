"""Training pages for the digit detector: rendered scenes with their targets."""
