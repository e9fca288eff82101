"""The RADIUS bridge: a library and a server that know nothing of the portal."""
