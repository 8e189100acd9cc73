"""The benchmark of the Million Song Dataset: `docs/msd-benchmark.md` is its protocol."""
