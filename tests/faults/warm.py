"""Imported once by the server from which the processes are forked: what each of them would else import for itself, in
more of the processor's time than all that it does afterwards.
"""

from importlib import import_module
from importlib.util import find_spec

from connectors.registry import Types

for _kind in Types().values():
    if find_spec(f"connectors.{_kind.manifest.name}.simulator"):
        import_module(f"connectors.{_kind.manifest.name}.simulator")
