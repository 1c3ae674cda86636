"""Notices: from the outbox to people, at least once, each with a key that makes it once."""
