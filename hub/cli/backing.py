"""`backup`, `restore`: keeping what must be kept."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.backup.erasures import BadJournal
from hub.backup.keys import SHORTEST, WrongPassphrase
from hub.backup.making import Refused, make_backup, may_be_made
from hub.backup.manifest import BadBackup
from hub.backup.restoring import KeysNeeded, NotEmpty, restore_backup
from hub.evidence.sealing import seal_old_tokens

from .auditing import MAX_TOLD, examine
from .console import Failed, WrongUsage, complain, say, told
from .options import HOME, AsJson, HomeFolder, home_at, opened, read_text
from .revealing import on_record

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="Its first line; else it is asked for.")
]


def backup(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Also vault and hub key, encrypted with a passphrase.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Make a consistent, signed back-up; the hub may go on serving. Data without the keys cannot be read."""
    passphrase = _new_passphrase(passphrase_file) if with_keys else None
    with opened(home) as one:
        try:
            may_be_made(one, to)
            with on_record(one, "make_backup", None, "database") as after:
                made = make_backup(one, to, passphrase=passphrase)
                after |= {"revision": made.revision, "with_keys": made.with_keys}
        except (Refused, BadJournal) as problem:
            raise Failed(str(problem)) from None
    if made.missing_files:
        complain(f"note: {made.missing_files} files of documents are not where the database says")
    if not with_keys:
        keys = f"{home / 'vault.json'} and {home / 'hub-key.pem'}"
        complain(f"note: the keys are NOT in it; keep {keys} apart, without them it is unreadable")
    value: dict[str, Any] = {"folder": str(to), "at": made.at, "revision": made.revision, "rows": made.rows}
    value |= {"files": made.files, "missing_files": made.missing_files, "with_keys": made.with_keys}
    rows = sum(made.rows.values())
    told(value, as_json=as_json, text=f"{to} holds {rows} rows and {made.files} files, as of {made.at}")


def restore(
    source: Annotated[Path, typer.Option("--from", metavar="DIR", help="The back-up.")],
    erasures: Annotated[
        Path | None, typer.Option("--erasures", metavar="FILE", help="The newest erasures.jsonl, from outside of it.")
    ] = None,
    no_later_erasures: Annotated[
        bool, typer.Option("--no-later-erasures", help="Nobody was erased or left since the back-up was made.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Restore a back-up into a new home. What was still to be sent is held; who was erased stays erased."""
    if (erasures is None) != no_later_erasures:
        raise WrongUsage("give --erasures with the newest journal, or --no-later-erasures if nobody was erased since")
    if erasures is not None and not erasures.is_file():
        raise WrongUsage(f"--erasures: there is no file {erasures}")
    one = home_at(home)
    try:
        try:
            done = restore_backup(one, source, passphrase=lambda: _passphrase(passphrase_file), erasures=erasures)
        except (NotEmpty, KeysNeeded) as problem:
            raise WrongUsage(str(problem)) from None
        except WrongPassphrase:
            raise Failed("the passphrase is not the one of this back-up") from None
        except (BadBackup, BadJournal) as problem:
            raise Failed(f"nothing was restored: {problem}") from None
        if done.erased:
            seal_old_tokens(one)
        records, _, faults = examine(one)
        with on_record(one, "restore_backup", None, "database") as after:
            after |= {"at": done.manifest.at, "held": done.held, "erased": done.erased, "ended": done.ended}
    finally:
        one.database.close()
    value: dict[str, Any] = {"home": str(home), "at": done.manifest.at, "records": records, "faults": faults}
    value |= {"held": done.held, "erased": done.erased, "ended": done.ended, "revision": done.migrated_to}
    text = f"{home} is as of {done.manifest.at}: {records} records hold, {done.erased} citizens were erased again"
    text += f", {done.ended} bodies and vendors that have left were ended again" if done.ended else ""
    told(value, as_json=as_json, text=text)
    if not as_json:
        say(f"{done.held} deliveries are held, as they may have been sent since: `raccordo delivery list --state held`")
        for fault in faults[:MAX_TOLD]:
            say(fault)
    if faults:
        raise Failed(f"restored, but the records are not as they were written: {len(faults)} faults")


def _new_passphrase(file: Path | None) -> str:
    phrase = _passphrase(file, confirm=True)
    if len(phrase) < SHORTEST:
        raise WrongUsage(f"the passphrase needs {SHORTEST} characters or more")
    return phrase


def _passphrase(file: Path | None, *, confirm: bool = False) -> str:
    if file is not None:
        return read_text(file, name="--passphrase-file").partition("\n")[0].rstrip("\r")
    if not sys.stdin.isatty():
        raise WrongUsage("--passphrase-file is needed where nobody can be asked")
    return str(typer.prompt("Passphrase of the back-up", hide_input=True, confirmation_prompt=confirm))
