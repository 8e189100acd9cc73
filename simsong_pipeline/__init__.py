"""SimSong: song embeddings from audio and lyrics, and similar songs out of a vector database."""
