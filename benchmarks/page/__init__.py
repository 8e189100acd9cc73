"""The page in the system's own browser: how fast its map is, and pictures of it."""
