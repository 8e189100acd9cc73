"""What lies where in a home, who may write there, and what opens its models."""
