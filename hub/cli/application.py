"""The whole command line: every command in its place, and every failure as one sentence and an exit code."""

import sys
import traceback
from collections.abc import Sequence

import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from hub.bootstrap import HomeError
from hub.security.vault import VaultError

from . import (
    auditing,
    connectors,
    deliveries,
    describing,
    homes,
    keys,
    portals,
    services,
    serving,
    signing,
    touring,
    vendors,
    verifying,
)
from .console import Failed, WrongUsage, complain

application = typer.Typer(
    name="raccordo",
    help="Raccordo: the interoperability hub of a municipality.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
for group in (homes.ente, vendors.group, portals.group, services.group, connectors.group, keys.group):
    application.add_typer(group)
for group in (deliveries.group, auditing.group):
    application.add_typer(group)
for name, command in (
    ("init", homes.init),
    ("serve", serving.serve),
    ("migrate", homes.migrate),
    ("sign", signing.sign),
    ("verify", verifying.verify),
    ("openapi", describing.openapi),
    ("demo", touring.demo),
):
    application.command(name)(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code: 0 done, 1 the thing asked for failed, 2 wrong usage or configuration."""
    try:
        code = application(args=list(arguments), prog_name="raccordo", standalone_mode=False)
    except typer.TyperException as error:
        complain(error.format_message())
        return error.exit_code
    except HomeError as error:
        complain(str(error))
        return WrongUsage.exit_code
    except (VaultError, PermissionError) as error:
        complain(f"--home: {error}")
        return WrongUsage.exit_code
    except ValidationError as error:
        complain("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)))
        return WrongUsage.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except SQLAlchemyError as error:
        complain(f"the database did not do it: {type(error).__name__}")
        return Failed.exit_code
    except Exception as error:  # noqa: BLE001 - a bug is told in one line too; the place is what a report needs
        place = traceback.extract_tb(error.__traceback__)[-1]
        complain(f"this is a bug of raccordo: {type(error).__name__} at {place.filename}:{place.lineno}")
        return Failed.exit_code
    finally:
        sys.stdout.flush()
    return code if isinstance(code, int) else 0
