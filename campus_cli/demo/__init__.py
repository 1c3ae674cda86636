"""The demo school: every part of the product in processes of its own, on this machine alone."""
