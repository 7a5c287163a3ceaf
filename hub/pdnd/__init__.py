"""A PDND of our own, for the demo and for tests: as strict as the platform is described, scriptable, with a ledger.

Nothing here is used towards the real platform, and nothing of the hub's own verification is used here: it is written
from the description of PDND, with another JOSE library, so that one's mistake is not the other's.
"""
