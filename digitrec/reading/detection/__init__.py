"""Detection: from a gray page to digits and marks, each as a 28x28 image."""
