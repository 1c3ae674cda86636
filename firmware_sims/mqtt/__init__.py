"""Devices that publish: how they say their numbers, and what they understand."""
