"""A library day, played on captive portals with real packets."""
