"""What administrators send and read about themselves and about what was done (`api.md` 3)."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from .base import LINE, Code, Label, Model, UtcDatetime
from .identifiers import Uuid7
from .publishing import Cursor

AdminRole = Literal["operator", "service-manager", "data-protection", "administrator"]
Username = Annotated[str, StringConstraints(min_length=2, max_length=100, pattern=r"^[a-z0-9][a-z0-9._@:-]*$")]
SessionToken = Annotated[str, StringConstraints(min_length=40, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Target = Annotated[str, StringConstraints(min_length=1, max_length=300), LINE]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200), LINE]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]


class AdminAccount(Model):
    """Whose a session is, and what it allows."""

    username: Username
    display_name: Label
    ente_id: Code
    roles: Annotated[tuple[AdminRole, ...], Field(max_length=4, fail_fast=True)]


class AdminSession(Model):
    """A session that holds."""

    account: AdminAccount
    started_at: UtcDatetime
    expires_at: UtcDatetime


class SignedIn(Model):
    """A session that begins. The token is shown this once: `Authorization: Bearer`."""

    session_token: SessionToken
    session: AdminSession


class AuditRecord(Model):
    """Something that an administrator did, or was refused; without secrets and personal data."""

    record_id: Uuid7
    at: UtcDatetime
    actor: Label
    """The account, or the system's user at the command line."""
    over: Literal["http", "command_line"]
    operation: Code
    outcome: Code
    """`ok`, `begun` or `failed` where it takes its time, or why it was refused."""
    target: Target | None
    before: Any = None
    after: Any = None


class AuditPage(Model):
    """Newest first."""

    items: Annotated[tuple[AuditRecord, ...], Field(max_length=100, fail_fast=True)]
    next_cursor: Cursor | None
