"""The training loop: learner, epochs, checkpoints, teacher, workers."""
