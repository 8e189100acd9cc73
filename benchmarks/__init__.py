"""Measurements. Nothing here is imported by the project."""
