"""What a night and a home say of themselves in figures, for whoever watches many: Prometheus' text format."""
