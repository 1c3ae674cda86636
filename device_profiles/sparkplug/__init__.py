"""Sparkplug B: payloads, the state of edge nodes, and what their births describe."""
