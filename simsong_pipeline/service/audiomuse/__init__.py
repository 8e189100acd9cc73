"""The routes that AudioMuse-AI's published plugins call, so that their users may set their address to SimSong's.

Shapes and names are those of that interface; answers come from `asking`, and errors are `{"error": text}`.
"""
