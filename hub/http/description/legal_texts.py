"""What the fields of a legal notification by SEND mean, Italian first."""

SCHEMAS: dict[str, str] = {
    "LegalNotification": (
        "Una notifica a valore legale tramite SEND; i documenti notificati e i pagamenti sono quelli collegati con "
        "`links`. / A notification with legal effect by SEND, of the documents and payments that `links` names."
    ),
    "F24Payment": (
        "Un modello F24 che SEND stampa e allega alla notifica. / An F24 form that SEND prints and encloses."
    ),
    "PostalAddress": "Indirizzo a cui SEND spedisce la raccomandata. / Where SEND sends the registered letter.",
}

FIELDS: dict[str, str] = {
    "legal": "Che cosa serve al canale `send`; solo per i messaggi. / What the channel `send` needs; messages only.",
    "protocol_number": (
        "Numero di protocollo dell'ente; resta lo stesso se si corregge una notifica rifiutata. "
        "/ The body's registry number; the same when a refused one is corrected."
    ),
    "LegalNotification.subject": "Oggetto, senza dati personali. / Subject, without personal data.",
    "abstract": "Descrizione breve, senza dati personali. / Short description, without personal data.",
    "taxonomy_code": "Codice della tassonomia di SEND. / Code of SEND's taxonomy.",
    "physical_communication": "Tipo di raccomandata. / Kind of registered letter.",
    "fee_policy": "Se i costi si aggiungono ai pagamenti. / Whether the costs are added to the payments.",
    "fee_cents": "Costo dell'ente, in centesimi; con DELIVERY_MODE. / The body's cost in cents; with DELIVERY_MODE.",
    "vat_percent": "IVA sui costi, in percento; con DELIVERY_MODE. / VAT on the costs; with DELIVERY_MODE.",
    "payment_update": "Come pagoPA viene a sapere dei costi. / How pagoPA learns of the costs.",
    "recipient_name": "Nome e cognome, o denominazione, come vanno sulla busta. / The name as on the envelope.",
    "postal_address": "Senza, SEND lo cerca nei registri nazionali. / Without, SEND looks in the national registers.",
    "pec": "Domicilio digitale per questa notifica. / Digital domicile for this notification.",
    "additional_language": "Seconda lingua degli atti di SEND. / Second language of SEND's papers.",
    "f24": (
        "Pagamenti con modello F24, oltre agli avvisi pagoPA collegati. / What is to be paid by F24, beside the pagoPA "
        "notices linked."
    ),
    "F24Payment.title": "Titolo del modello, come si legge su SEND. / The form's title, as it is read on SEND.",
    "F24Payment.metadata": (
        "I dati del modello come li descrive SEND (`F24Metadata`): uno solo fra f24Standard, f24Simplified, f24Excise, "
        "f24Elid; con `DELIVERY_MODE` una riga, e una sola, ha `applyCost` vero. / The form's data as SEND describes "
        "them (`F24Metadata`): exactly one form; with `DELIVERY_MODE` one line alone has `applyCost` true."
    ),
    "PostalAddress.at": "Presso. / Care of.",
    "PostalAddress.address": "Via e numero civico. / Street and number.",
    "address_details": "Scala, interno. / Staircase, flat.",
    "zip": "CAP; serve in Italia. / Postal code; needed in Italy.",
    "municipality": "Comune. / Municipality.",
    "municipality_details": "Frazione o località. / Locality.",
    "province": "Sigla della provincia; serve in Italia. / Province; needed in Italy.",
    "foreign_state": "Stato estero. / Foreign state.",
}
