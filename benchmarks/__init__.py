"""What the service costs and whether its offsets are right, measured from outside through a real server."""
