"""The users and sessions are those of one tenant, whose shell this is: it has a schema of its own."""
HOST = "one.example.com"
TABLES_OF_MODELS = None  # tenant.py has made them
