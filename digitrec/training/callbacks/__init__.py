"""Lightning callbacks: checkpoints, figures, reports and predictions."""
