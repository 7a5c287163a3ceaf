"""Crashes: a real hub process is killed at every step and at random moments, and an oracle outside it counts."""
