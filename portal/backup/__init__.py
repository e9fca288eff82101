"""Backups: what a file of them holds, how it is encrypted, and how many are kept."""
