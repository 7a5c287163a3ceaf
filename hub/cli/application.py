"""The command line as a program: one command is run, and every failure is one sentence and an exit code."""

import sys
import traceback
from collections.abc import Sequence

import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from contracts.faults import sentence_of
from hub.errors import HubError
from hub.home import HomeError
from hub.security.vault import VaultError
from hub.settings import Settings
from hub.store.faults import error_name, is_away, why_away
from hub.store.postgres import place_of

from .commands import application
from .console import Failed, WrongUsage, complain

INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code: 0 done, 1 the thing asked for failed, 2 wrong usage or configuration."""
    try:
        words = list(arguments) or ["--help"]
        code = application(words[0])(args=words, prog_name="raccordo", standalone_mode=False)
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
            faults = (f"{'.'.join(map(str, e['loc']))}: {sentence_of(e)}" for e in error.errors(include_input=False))
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
    "53100": "the disk of the database's server is full",
    "25006": "the database takes no writes: it is a standby, or was set read-only",
    "55P03": "another process held it up: try again",
    "57P": "its server is just being stopped or started: try again",
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
