"""The application of the oracle: user models and session stores that real projects have."""
