"""Which of 64 buckets a track belongs to, the same on every machine. Storage and partitions share it."""

from hashlib import sha256

BUCKETS = 64


def bucket_of(track_id: str) -> int:
    """0 to 63."""
    return int.from_bytes(sha256(track_id.encode()).digest()[:4], "big") % BUCKETS
