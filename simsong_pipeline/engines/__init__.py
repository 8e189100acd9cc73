"""What carries the work of buckets: this process's threads, or a Ray cluster. No room's work is known here."""
