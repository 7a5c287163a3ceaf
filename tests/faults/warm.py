"""Imported once by the server from which the processes are forked: what each of them would else import for itself, in
more of the processor's time than all that it does afterwards.
"""

from importlib import import_module

from connectors.registry import Types

for _name in (*Types(), "base.mail"):
    for _module in ("simulator", "simulated_server", "simulated_smtp"):
        try:
            import_module(f"connectors.{_name}.{_module}")
        except ModuleNotFoundError as _missing:
            if _missing.name != f"connectors.{_name}.{_module}":
                raise
