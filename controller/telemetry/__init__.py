"""Telemetry stores: where samples end up, and where history is read from."""
