"""What learns: encoder, losses, batches, augmentation, loop. Torch; only training, export and benchmarks enter."""
