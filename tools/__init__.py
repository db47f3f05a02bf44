"""What `make` does that is more than a line: standard library only, run before anything is installed."""
