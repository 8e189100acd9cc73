"""Fetching from providers: one polite HTTP client, and what each provider needs beside it."""
