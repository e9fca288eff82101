"""The dialects of access points, one file a family."""
