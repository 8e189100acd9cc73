"""The `simsong` command. What a command computes lives in `pipeline`; here are options, progress and print."""
