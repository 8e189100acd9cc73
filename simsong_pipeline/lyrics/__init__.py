"""Cleaning lyric pages, telling their language, and embedding them with a BERT-family model."""
