"""The application of the oracle for groups and permissions."""
