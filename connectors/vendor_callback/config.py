"""The settings of a vendor's callback."""

from contracts.callbacks import CallbackSettings


class Settings(CallbackSettings):
    """Where a vendor is told things; written by `raccordo vendor callbacks`."""
