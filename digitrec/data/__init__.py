"""MNIST and what is made from it: data sets, distortion, synthetic digits, out-of-distribution images."""
