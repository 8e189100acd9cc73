"""How good are the recommendations on real recordings: methods side by side on any collection, query by query."""
