"""The whole command line: every command in its place, and every failure as one sentence and an exit code."""

import sys
import traceback
from collections.abc import Sequence

import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from hub.errors import HubError
from hub.home import HomeError
from hub.security.vault import VaultError
from hub.settings import Settings
from hub.store.database import error_name, is_away
from hub.store.postgres import place_of, why_away

from .administrators import group as admin
from .attributes import group as attribute
from .auditing import group as audit
from .backing import backup, erase, restore
from .breaching import breach
from .broadcasting import group as broadcast
from .closing import close
from .complying import compliance
from .conforming import conformance
from .connectors import group as connector
from .console import Failed, WrongUsage, complain
from .delegating import group as delegation
from .deliveries import group as delivery
from .describing import openapi
from .document_types import group as document_type
from .documents import group as document
from .e_services import pdnd
from .evidence import group as evidence
from .exporting import export
from .homes import group as ente
from .homes import init, migrate
from .hub_keys import key_commands
from .keys import group as keys
from .mappings import group as mapping
from .partitioning import partition
from .paying import commands as paying_commands
from .pdnd_checks import check as pdnd_check
from .pdnd_clients import group as pdnd_client
from .portals import group as portal
from .printing import commands as printing_commands
from .proposals import commands as proposal_commands
from .quarantine import group as quarantine
from .ranked_lists import group as ranked_list
from .reading_sources import commands as source_commands
from .receipts import receipts
from .reconciling import group as payment
from .registering import register
from .replaying import replay
from .requesting import group as request
from .restricting import restrict
from .retaining import group as retention
from .rules import group as rule
from .services import group as service
from .serving import serve
from .signing import sign
from .sources import group as source
from .subscription_services import group as subscription_service
from .subscription_statistics import subscription_statistics
from .touring import demo
from .vendor_callbacks import group as callbacks
from .vendor_changes import changes
from .vendor_keys import key_changes
from .vendors import group as vendor
from .verifying import verify
from .working import sweep, worker

INTERRUPTED = 130

application = typer.Typer(
    help="Raccordo: the interoperability hub of a municipality.",
    add_completion=False,
    rich_markup_mode=None,
)
_OF_VENDORS = (sign, verify, conformance)
_OF_THE_HUB = (init, serve, worker, sweep, migrate, partition, backup, restore, erase, compliance)
_OF_RIGHTS = (export, restrict, breach, register)
for command in (*_OF_THE_HUB, *_OF_RIGHTS, *_OF_VENDORS, openapi, demo):
    application.command()(command)
for step in (replay, close, receipts):
    delivery.command()(step)
application.command()(subscription_statistics)
ente.command()(pdnd)
pdnd_client.command()(pdnd_check)
ente.add_typer(pdnd_client)
vendor.add_typer(callbacks)
for name, change in changes.items():
    vendor.command(name)(change)
for name, change in key_changes.items():
    # One thumbprint in sixty-four begins with a dash, and is no option.
    vendor.command(name, context_settings={"ignore_unknown_options": True})(change)
for name, reading in source_commands.items():
    connector.command(name)(reading)
for name, command in proposal_commands.items():
    service.command(name)(command)
for name, paying in (paying_commands | printing_commands).items():
    payment.command(name)(paying)
for name, command in key_commands.items():
    keys.command(name)(command)
_SUBJECTS = (
    admin,
    attribute,
    audit,
    broadcast,
    connector,
    delegation,
    delivery,
    document,
    document_type,
    ente,
    evidence,
    keys,
    mapping,
    payment,
    portal,
    quarantine,
    ranked_list,
    request,
    retention,
    rule,
    service,
    source,
    subscription_service,
    vendor,
)
for subject in _SUBJECTS:
    application.add_typer(subject)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code: 0 done, 1 the thing asked for failed, 2 wrong usage or configuration."""
    try:
        code = application(args=list(arguments) or ["--help"], prog_name="raccordo", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; nothing may be flushed at the end
        return Failed.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, people get one sentence
        exit_code, sentence = _told(error)
        complain(sentence)
        return exit_code
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> tuple[int, str]:
    match error:
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            hint = f" (see `{context.command_path} --help`)" if context else ""
            return error.exit_code, error.format_message().replace("Value error, ", "").rstrip(".") + hint
        case HubError():
            places = "".join(f"; {fault.pointer}: {fault.detail}" for fault in error.faults)
            return Failed.exit_code, f"{error.detail.rstrip('.')}{places}"
        case HomeError():
            return WrongUsage.exit_code, str(error)
        case VaultError():
            return WrongUsage.exit_code, f"--home: its vault.json or database does not open: {error}"
        case PermissionError():
            return WrongUsage.exit_code, f"no permission for {error.filename}"
        case ValidationError():
            faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            return WrongUsage.exit_code, "; ".join(faults)
        case SQLAlchemyError() if is_away(error):
            return Failed.exit_code, f"the database of RACCORDO_DATABASE_URL does not answer{_where_and_why(error)}"
        case SQLAlchemyError():
            return Failed.exit_code, f"the database did not do it: {_database_fault(error)}"
        case _:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return Failed.exit_code, f"a bug of raccordo: {type(error).__name__} at {place.filename}:{place.lineno}"


_ADVICE = {
    "SQLITE_NOTADB": "raccordo.db is damaged or no database: restore it from your backup",
    "SQLITE_CORRUPT": "raccordo.db is damaged: restore it from your backup",
    "SQLITE_READONLY": "this user may not write raccordo.db or its folder: run as the user that the home belongs to",
    "SQLITE_CANTOPEN": "this user may not open raccordo.db or its folder: run as the user that the home belongs to",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_BUSY": "another process is writing: try again",
}


def _database_fault(error: SQLAlchemyError) -> str:
    """The kind of the error, the database's own name for it where it has one, and what helps."""
    kind, name = type(error).__name__, error_name(error)
    advice = next((f": {told}" for begins, told in _ADVICE.items() if name.startswith(begins)), "")
    return kind if name == kind else f"{kind} ({name}){advice}"


def _where_and_why(error: SQLAlchemyError) -> str:
    url = Settings().database_url
    where = f" ({place_of(url)})" if url.startswith("postgresql") else ""
    why = why_away(error)
    return f"{where}: {why}" if why else where
