"""Use cases of the IT console."""
