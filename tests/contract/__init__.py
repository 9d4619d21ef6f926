"""What the API promises, endpoint by endpoint."""
