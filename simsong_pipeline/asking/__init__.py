"""Questions to the index: which song is meant, what is near, what is never suggested, and why."""
