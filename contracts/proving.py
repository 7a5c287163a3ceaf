"""How a connector's calls are proved with the means of the ente, as an administrator says in its settings.

A connector that can carry such proofs says `auth = "proof"` in its manifest, its `Settings` inherit `ProofSettings`,
and its `connect` takes a `proof`: made by the hub for the ente and the settings, so that no connector handles a key of
the hub's. It is given to `connectors.base.http.send`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import SecretStr, StringConstraints, model_validator

from .base import LINE, Code, Form
from .tls import PEM

Audience = Annotated[str, StringConstraints(min_length=1, max_length=500), LINE]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), LINE]


class ProofSettings(Form):
    """Direct trust (`modi`) or that of PDND (`pdnd`); signatures over requests and answers; tracking evidence."""

    signed_too: ClassVar[tuple[str, ...]] = ()
    """Headers, in lower case, that the connector wants signed where it sends them, beside those that must be."""

    proof: Literal["none", "modi", "pdnd"] = "none"
    """Come si provano le nostre chiamate. `modi`: ID_AUTH_REST_02 con una chiave nostra; `pdnd`: un voucher, legato a
    una chiave se il client lo chiede. / How our calls are proved. `modi`: ID_AUTH_REST_02 with a key of ours; `pdnd`: a
    voucher, bound to a key where the client says so."""
    proof_audience: Audience | None = None
    """L'`aud` di ciò che firmiamo: quello che il ricevente pubblica, o l'e-service nel catalogo della PDND. / `aud` of
    what we sign: as the receiver publishes it, or the e-service in PDND's catalogue (modi 5.4)."""
    proof_issuer: Audience | None = None
    """Con `modi`, il nostro `iss`; se manca, l'audience di pubblicazione dell'ente. Con la PDND è l'id del client. /
    For `modi`, our `iss`; by default the ente's publish audience. With PDND it is the client's id."""
    proof_key: Annotated[SecretStr | None, PEM] = None
    """Con `modi`: una chiave privata in PEM, seguita dai suoi certificati, prima il suo; se manca, la chiave dell'hub.
    / For `modi`: a private key in PEM, its certificates after it, leaf first; by default the hub's own key."""
    proof_reference: Literal["kid", "x5c", "x5t#S256"] | None = None
    """Come è indicata la nostra chiave; se manca, `x5c` dove ci sono certificati, altrimenti `kid`. / How our key is
    named; by default `x5c` where there are certificates, else `kid`."""
    proof_client: Code | None = None
    """Con `pdnd`: il nome del client in `raccordo ente pdnd-client`. / For `pdnd`: the client's name in `raccordo ente
    pdnd-client`."""
    proof_integrity: bool = True
    """Se il digest del corpo è firmato: INTEGRITY_REST_01 con `modi`, _02 con `pdnd`; lo dice l'e-service. / Whether
    the body's digest is signed: INTEGRITY_REST_01 with `modi`, _02 with `pdnd`; the e-service says so."""
    audit: Literal["none", "AUDIT_REST_01", "AUDIT_REST_02"] = "none"
    """Evidenza di tracciamento, se l'e-service la chiede; la seconda è legata a un voucher, dunque solo con `pdnd`. /
    Tracking evidence (modi 1.6, 1.7), where the e-service asks for it; the second is tied to a voucher, so that it goes
    with `pdnd` alone."""
    audit_user: Name | None = None
    """`userID` dell'evidenza: per chiamate che nessuna persona fa, il nome del sistema. / `userID` of the evidence: for
    calls that no person makes, the name of the system."""
    audit_location: Name | None = None
    """`userLocation` dell'evidenza: da quale postazione o sistema si chiama. / `userLocation` of the evidence: the
    station or system that calls."""
    audit_loa: Name | None = None
    """`LoA` dell'evidenza: il livello di garanzia con cui l'utente si è autenticato, come l'e-service lo vuole. / `LoA`
    of the evidence: the level of assurance of the user's authentication, as the e-service wants it."""
    answers: Literal["unsigned", "signed", "tied"] = "unsigned"
    """Se la risposta di successo deve essere firmata; `tied`: nomina anche il digest della richiesta. / Whether an
    answer of success must be signed; `tied`: it names the digest of its request as well (modi 1.8)."""
    answer_keys: Annotated[str, StringConstraints(min_length=2, max_length=20_000)] | None = None
    """Le chiavi pubbliche di chi firma le risposte: una JWK o un insieme, in JSON, come le pubblica il fornitore. /
    Public keys of whoever signs answers: a JWK or a set of them, in JSON, as the provider publishes them."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """What is set is complete, and nothing is set that would be ignored."""
        signs = self.proof_integrity or self.audit != "none"
        if self.proof == "modi" and self.proof_audience is None:
            raise ValueError("proof_audience: serve con proof=modi / needed with proof=modi")
        if self.proof == "pdnd" and self.proof_client is None:
            raise ValueError(
                "proof_client: serve con proof=pdnd / needed with proof=pdnd, see `raccordo ente pdnd-client`"
            )
        if self.proof == "pdnd" and signs and self.proof_audience is None:
            raise ValueError(
                "proof_audience: serve dove si firma oltre al voucher / "
                "needed with proof=pdnd where something is signed beside the voucher"
            )
        if self.audit != "none" and (self.proof == "none" or self.audit_user is None):
            raise ValueError("audit: vuole proof=modi o pdnd, e audit_user / needs proof=modi or pdnd, and audit_user")
        if self.audit == "AUDIT_REST_02" and self.proof != "pdnd":
            raise ValueError(
                "audit: AUDIT_REST_02 va solo con proof=pdnd / "
                "AUDIT_REST_02 is tied to a voucher, and goes with proof=pdnd alone"
            )
        if (self.answers == "unsigned") is not (self.answer_keys is None):
            raise ValueError(
                "answer_keys: serve solo con risposte firmate o legate / "
                "needed where answers are signed or tied, and only there"
            )
        if self.answers != "unsigned" and self.proof == "none":
            raise ValueError("answers: firmate solo con proof=modi o pdnd / signed ones come with proof=modi or pdnd")
        if self.answers == "tied" and not self.proof_integrity:
            raise ValueError(
                "answers: tied vuole proof_integrity / tied ones need proof_integrity, whose digest they name"
            )
        for name in ("proof_issuer", "proof_key", "proof_reference"):
            if self.proof != "modi" and getattr(self, name) is not None:
                raise ValueError(f"{name}: solo con proof=modi / goes with proof=modi alone")
        if self.proof != "pdnd" and self.proof_client is not None:
            raise ValueError("proof_client: solo con proof=pdnd / goes with proof=pdnd alone")
        return self


CheckAnswer = Callable[[Sequence[tuple[str, str]], bytes, str | None], str | None]
"""(header lines, body as received, the request's `Digest`) -> why the answer is not believed, a stable dotted code;
None: it is."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves the calls of one connector, for as long as it lives: keys and vouchers behind it may change."""

    auth: Any = field(repr=False)
    """An `httpx.Auth`. Signs each try of a request anew, over the bytes that are sent. Raises, before a byte leaves, a
    `contracts.failures.Failure`: there is no voucher, or no key."""
    check_answer: CheckAnswer | None = None
    """None: answers need no signature."""


Prove = Callable[[str, ProofSettings], Proof | None]
"""(ente_id, settings) -> the proof; None where the settings ask for none. Raises Misconfigured."""
