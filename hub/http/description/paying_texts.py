"""What the models of paying mean, carts and revenue stamps, Italian first."""

SCHEMAS: dict[str, str] = {
    "CartWish": "I pagamenti che il cittadino vuole fare insieme. / What a citizen wants to pay together.",
    "CartView": "Dove mandare il browser, subito. / Where the browser is to be sent, at once.",
    "PaidStamp": "Una marca da bollo digitale pagata: il file la prova. / A revenue stamp that was paid: its file.",
    "Returns": "Dove torna il browser, sul portale registrato. / Where the browser comes back to, at the portal.",
}

FIELDS: dict[str, str] = {
    "item_ids": "I pagamenti, ciascuno una volta. / The payments, each once.",
    "return_urls": "Dove torna il browser. / Where the browser comes back to.",
    "CartWish.email": "Dove pagoPA scrive dell'esito; senza, la chiede. / Where pagoPA writes; else it asks for one.",
    "CartView.url": "Indirizzo di Checkout, per un solo tentativo. / Address of Checkout, for one attempt.",
    "Receipt.stamps": "Marche da bollo digitali pagate. / Digital revenue stamps that were paid.",
    "PaidStamp.file": "La marca firmata da chi l'ha venduta (XML), in Base64. / The stamp as its seller signed it.",
    "PaidStamp.number": "IUBD, il numero della marca. / IUBD, the stamp's own number.",
    "PaidStamp.sold_at": "Quando è stata venduta. / When it was sold.",
    "Returns.ok": "Dopo un pagamento riuscito. / After a payment.",
    "Returns.cancel": "Se chi paga rinuncia. / Where the payer gives up.",
    "Returns.error": "Se il tentativo fallisce. / Where the attempt fails.",
}
