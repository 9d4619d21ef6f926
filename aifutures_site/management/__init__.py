"""Commands that run the platform's processes."""
