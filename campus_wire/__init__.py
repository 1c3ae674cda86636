"""The contract that edge agents and the controller speak: topics, messages, codec, MQTT session."""
