"""The assets, one file a group. Each calls one function of the library."""
