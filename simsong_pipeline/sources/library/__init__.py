"""A person's own music folder: its files, their tags and lyrics, and which of them are the same recording."""
