"""A procedural catalogue: music, lyrics and listening similarity drawn from known latent factors.

It writes the same raw formats as the real sources and is read by the same readers.
"""
