"""What the models of paying mean, carts and revenue stamps, Italian first."""

SCHEMAS: dict[str, str] = {
    "CartPart": "Un pagamento intero, o una sua rata. / A payment whole, or one of its instalments.",
    "CartNotice": "Un avviso che può stare in un carrello. / A notice that a cart may have.",
    "CartOffer": "Che cosa di un pagamento può stare in un carrello ora: insieme, fino a cinque, vanno gli avvisi di "
    "uno stesso `group`, ciascuno (creditore e numero) una volta, e di un pagamento il totale da solo o rate di un "
    "solo `plan`, qualunque pagamento le chieda. / What of a payment a cart may have now: together go, up to five, "
    "notices of one `group`, each (creditor and number) once, and of one payment the whole alone or instalments of "
    "one `plan`, whichever payment asks for them.",
    "CartWish": "I pagamenti che il cittadino vuole fare insieme. / What a citizen wants to pay together.",
    "CartView": "Dove mandare il browser, subito. / Where the browser is to be sent, at once.",
    "InstallmentView": "Una rata e come sta, da ricevute e pagamenti del suo avviso. / An instalment and how it "
    "stands, by the receipts and payments of its own notice.",
    "PaidStamp": "Una marca da bollo digitale pagata: il file la prova. / A revenue stamp that was paid: its file.",
    "Returns": "Dove torna il browser, sul portale registrato. / Where the browser comes back to, at the portal.",
}

FIELDS: dict[str, str] = {
    "payments": "I pagamenti, ciascuno una volta. / The payments, each once.",
    "CartPart.installment": "Quale rata di `position.installments`, da 1; senza, il totale. / Which instalment, from "
    "1; left out, the whole.",
    "CartNotice.installment": "Quale rata, da 1; null per il totale. / Which instalment, from 1; null for the whole.",
    "CartNotice.plan": "Di una rata, il suo piano; null per il totale. / Of an instalment, its plan; else null.",
    "CartNotice.due_date": "Entro quando. / By when.",
    "FeedItemDetail.installments": "Di un pagamento rateizzabile, ogni rata, anche pagata. / Of a payment that may be "
    "paid in instalments, each of them, paid ones too.",
    "InstallmentView.installment": "Quale rata, da 1. / Which instalment, from 1.",
    "InstallmentView.plan": "Di quale piano. / Of which plan.",
    "InstallmentView.due_date": "Entro quando. / By when.",
    "InstallmentView.state": "`due`, da pagare; `overdue`, scaduta (a Roma) ma pagabile; `expired`, non più pagabile; "
    "`paid`, pagata; `closed`, non più dovuta: il pagamento è chiuso, o si paga con un altro piano. / `due`; "
    "`overdue`: its day in Rome is past, and it can be paid; `expired`: it cannot any more; `paid`; `closed`: owed no "
    "more, as the payment is over or another plan was begun.",
    "InstallmentView.paid_on": "Giorno della ricevuta, a Roma; null se non è pagata o la ricevuta non si vede. / The "
    "receipt's day in Rome; null where it is not paid, or no receipt is to be seen.",
    "InstallmentView.receipt_item_id": "La ricevuta. / The receipt.",
    "CartOffer.group": "Solo pagamenti dello stesso gruppo vanno insieme. / Only payments of one group go together.",
    "CartOffer.notices": "Il totale, se si può pagare, poi le rate che si possono pagare. / The whole, where it can be "
    "paid, then the instalments that can.",
    "cart": "Di un pagamento, che cosa può stare ora in un carrello (`POST /carts`); null se nulla. / Of a "
    "payment, what a cart may have of it now; null where nothing.",
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
