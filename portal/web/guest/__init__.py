"""The guest site: captive redirect, login, status, and the RFC 8908 API."""
