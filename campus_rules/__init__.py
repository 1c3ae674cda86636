"""Rules as data and a pure evaluator: no clock, no I/O."""
