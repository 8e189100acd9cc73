"""Decoding, checking, cutting and the log-mel front end."""
