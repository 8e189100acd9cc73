"""Faces of the same questions for programs and people: HTTP, and nothing that answers a question by itself."""
