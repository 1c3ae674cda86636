"""The one `campus` command: mounts every part's commands, and the demo school."""
