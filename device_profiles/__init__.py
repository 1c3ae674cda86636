"""Devices as data: profiles in YAML, and what reads, plans, decodes and writes by them."""
