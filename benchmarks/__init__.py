"""Benchmarks beside the code they guard; docs/benchmarks.md holds what they measured."""
