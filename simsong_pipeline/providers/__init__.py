"""Fetches recordings and lyrics: which songs are wanted, which candidate is the song, politely and in portions."""
