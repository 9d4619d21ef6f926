"""What operators see of a running platform: logs and metrics."""
