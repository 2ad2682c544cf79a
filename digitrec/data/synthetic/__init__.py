"""Images drawn by code for training: synthetic digits and out-of-distribution images."""
