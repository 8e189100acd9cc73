"""What a run and a night are, and what looks after them: verification, rollback, notices."""
