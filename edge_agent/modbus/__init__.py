"""Modbus TCP and RTU: requests, framing, connections, and one polling task per bus."""
