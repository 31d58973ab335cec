"""Training: one readable loop, checkpoints, several processes."""
