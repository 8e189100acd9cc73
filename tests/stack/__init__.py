"""What the test of the whole stack loads into Dagster."""
