"""Links a home to the music server that its owner listens with. Says nothing of which songs are alike."""
