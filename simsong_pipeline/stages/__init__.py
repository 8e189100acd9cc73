"""The stages in their order: raw rows, catalogue, features, learning, vectors, evaluation, report, index."""
