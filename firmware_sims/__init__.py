"""Simulated devices on real sockets, serial lines and brokers, with physics and faults."""
