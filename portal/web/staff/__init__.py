"""The staff site: the desk, and one's own account. Never on a guest network."""
