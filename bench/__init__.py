"""Benchmarks: each names its floor and its peer, and measures them in the same run."""
