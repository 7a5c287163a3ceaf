"""What becomes of one of several that are done together, whatever becomes of the others."""

from collections.abc import Callable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def outcome(work: Callable[[A], B], value: A) -> B | Exception:
    """What it returns, or the exception that it raises; RuntimeError for a panic of a Rust library."""
    try:
        return work(value)
    except Exception as exc:  # noqa: BLE001 - it is the caller's, to whom it is handed
        return exc
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as exc:  # noqa: BLE001 - a panic; those after it wait as well
        return RuntimeError(type(exc).__name__)
