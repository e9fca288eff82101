"""Kvar's application: the captive portal, its keeper and, later, its staff pages."""
