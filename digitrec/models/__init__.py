"""Plain PyTorch modules: networks, test-time augmentation and checkpoints. No Lightning."""
