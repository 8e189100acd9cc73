"""The questions as JSON over HTTP, below `/api/v1`."""
