"""Profiles from other programs' descriptions of devices, with word of what was left behind."""
