"""Takes telemetry from all gateways, applies rules, tells people, stores it and steers devices."""
