"""Retrieval metrics with chance, oracle and intervals; baselines; the report. Pure: frames and arrays in and out."""
