"""How Hypothesis works in every test, those beside the connectors too, which may be run by themselves."""

from hypothesis import HealthCheck, settings

# How long an example takes says nothing of what it shows: on a busy machine the clock alone would fail it.
settings.register_profile("raccordo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raccordo")
