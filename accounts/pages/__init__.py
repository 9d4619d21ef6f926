"""Web pages of one's own account."""
