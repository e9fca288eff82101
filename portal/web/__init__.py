"""Web pages: thin aiohttp handlers over the services."""
