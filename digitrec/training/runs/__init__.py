"""The runs of a training: their folders, their checkpoints, and whether they can be resumed."""
