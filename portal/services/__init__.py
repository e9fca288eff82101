"""Use cases. They talk to the world only through the doors in ports.py."""
