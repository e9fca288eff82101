"""Library systems: each package checks a card and a PIN for services.ports.LibrarySystem."""
