"""Library systems: each package checks a card and a PIN and implements services.ports.LibrarySystem."""
