"""What the schemas and fields of the administration mean, Italian first; as `texts` for all others."""

SCHEMAS: dict[str, str] = {
    "AdminAccount": "Di chi è una sessione e che cosa permette.",
    "AdminSession": "Una sessione valida. / A session that holds.",
    "SignedIn": "Una sessione che comincia. Il token si vede solo ora: `Authorization: Bearer`. / A session that "
    "begins. The token is shown this once: `Authorization: Bearer`.",
    "AuditRecord": "Ciò che un amministratore ha fatto, o che gli è stato rifiutato; senza segreti né dati personali.",
    "AuditPage": "Una pagina di atti, dal più recente. / A page of acts, newest first.",
}

FIELDS: dict[str, str] = {
    "account": "L'account. / The account.",
    "username": "Nome dell'account. / The account's name.",
    "display_name": "Nome da mostrare. / Name to be shown.",
    "ente_id": "Codice IPA dell'ente. / IPA code of the municipality.",
    "roles": "I suoi ruoli. / Its roles.",
    "started_at": "Quando è cominciata. / When it began.",
    "AdminSession.expires_at": "Quando finisce. / When it ends.",
    "session_token": "Il token della sessione. / The session's token.",
    "session": "La sessione. / The session.",
    "record_id": "Identificativo dell'atto. / Identifier of the act.",
    "AuditRecord.at": "Quando. / When.",
    "AuditRecord.actor": "L'account, o l'utente del sistema alla riga di comando. / The account, or the system's user "
    "at the command line.",
    "over": "Per quale via. / Over what.",
    "AuditRecord.operation": "Che cosa. / What was done.",
    "AuditRecord.outcome": "`ok`, o perché è stato rifiutato. / `ok`, or why it was refused.",
    "target": "Su che cosa. / On what.",
    "before": "Com'era. / As it was.",
    "after": "Com'è diventato. / As it became.",
}
