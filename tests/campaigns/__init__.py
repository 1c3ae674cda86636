"""Long campaigns: faults on real processes, and a judge that shares no code with the product."""
