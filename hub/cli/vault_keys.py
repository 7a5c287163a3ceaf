"""`keys rotate-vault`: a new vault key, and everything that a vault key seals sealed under it."""

from typing import Annotated

import typer

from hub.home import Home, HomeError, sole
from hub.store.erasing import others_at_work
from hub.store.rewrapping import rewrap, sealed_by

from .console import Failed, WrongUsage, told
from .options import HOME, AsJson, HomeFolder, opened
from .revealing import on_record


def rotate_vault(
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only add the new key to vault.json, to be copied to every machine.")
    ] = False,
    remove: Annotated[
        str | None,
        typer.Option("--remove", metavar="KEY_ID", help="Take a former key out of vault.json, with the hub stopped."),
    ] = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Seal the data keys of all citizens, and other secrets, under a new vault key. Run again where it broke off."""
    if prepare and remove:
        raise WrongUsage("--prepare and --remove exclude each other")
    with opened(home) as one, on_record(one, "rotate_vault_key", None, "keys/vault") as after:
        if remove:
            _remove(one, remove)
            done, count = f"vault key {remove} is gone", 0
        elif prepare or (one.database.is_shared and one.vault.prepared is None and not _broke_off(one)):
            added = one.replace_vault(one.vault.with_new_key())
            done, count = f"vault key {added.prepared} is prepared: copy vault.json to every machine, then run this", 0
        else:
            count = _rotate(one)
            done = f"{count} values are sealed under vault key {one.vault.current}; keep a copy of vault.json apart"
        after["current"] = one.vault.current
        value = {"current": one.vault.current, "keys": sorted(one.vault.keys), "prepared": one.vault.prepared}
    told(value | {"sealed_anew": count}, as_json=as_json, text=done)


def _rotate(one: Home) -> int:
    if not _broke_off(one):
        vault = one.vault if one.vault.prepared else one.vault.with_new_key()
        # On the disk before anything is sealed with it.
        one.replace_vault(vault.advanced())
    return rewrap(one.database, one.vault)


def _broke_off(one: Home) -> bool:
    """Whether the last rotation has not sealed everything yet."""
    with one.database.read() as connection:
        former = [key_id for key_id in one.vault.keys if key_id not in (one.vault.current, one.vault.prepared)]
        return any(sealed_by(connection, key_id) for key_id in former)


def _remove(one: Home, key_id: str) -> None:
    """Raises Failed where something still needs it, or might."""
    if key_id not in one.vault.keys or key_id == one.vault.current:
        raise Failed(f"vault.json has no former key {key_id!r}")
    try:
        with sole(one.folder / "serve.lock"), one.database.read() as connection:
            # A process that was started before the rotation seals with it until it ends.
            if others_at_work(connection):
                raise Failed("other processes of the hub are at work on this database: stop them first")
            left = sealed_by(connection, key_id)
            if left:
                raise Failed(f"{left} values are sealed under {key_id}: run `raccordo keys rotate-vault` first")
            one.replace_vault(one.vault.without(key_id))
    except HomeError:
        raise Failed("a process of the hub serves this home: stop it first") from None
