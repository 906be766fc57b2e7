"""The pictures of README.md and of docs/, and what makes them from real runs: `python -m pictures`."""
