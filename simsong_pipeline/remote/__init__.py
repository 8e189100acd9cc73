"""Folders in an object store: their address, their objects, and the journal that says which of them count."""
