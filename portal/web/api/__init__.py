"""The API for other programs of the organisation: JSON, and a token for each of them."""
