"""Training with Lightning: the LightningModule, callbacks, run folders and exact resume."""
