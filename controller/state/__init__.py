"""The state database: alarms, rules' state, outbox, inventory, ranges, commands, tokens, audit."""
