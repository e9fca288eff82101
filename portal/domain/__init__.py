"""Pure rules: no asyncio, no socket, no logging, no clock. Time is a parameter."""
