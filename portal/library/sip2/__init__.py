"""SIP2: the protocol nearly every library system speaks to self-service machines."""
