"""The demonstration: Kvar on a virtual guest network, with a library system and phones."""
