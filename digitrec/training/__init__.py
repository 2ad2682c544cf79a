"""Training with Lightning: the LightningModule, callbacks, run folders and exact resume."""

from digitrec.training.muon import MuonAdamW

__all__ = ["MuonAdamW"]
