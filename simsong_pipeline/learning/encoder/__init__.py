"""Audio encoders: log-mel segments to unit vectors. Nothing here knows what a song is."""
