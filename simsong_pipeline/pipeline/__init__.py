"""The stages between files, models and the index: what both the command line and Dagster call."""
