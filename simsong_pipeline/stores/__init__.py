"""The edge towards vector databases."""
