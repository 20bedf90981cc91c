"""Custom actions: the client of a rasa-sdk action server, and the server run beside the bot."""
