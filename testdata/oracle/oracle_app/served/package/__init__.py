"""A package that no shell imports."""
from .patches import nothing  # noqa: F401
