"""What data of full size cost: they are generated from a seed, and each stage is measured in a process of its own."""
