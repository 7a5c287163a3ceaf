"""The bounds within which a connector works, whatever its provider: pace, patience, retries."""

from typing import Annotated

from pydantic import Field

from .base import Form


class Limits(Form):
    """The connector's own bounds; an administrator may set others. Names in `_s` are seconds."""

    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Secondi per un passo intero, connessione compresa; l'hub tiene riservata la consegna più a lungo. / Seconds for
    the whole of one step, connection included; the hub's lease is longer."""
    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 50
    """Quanti tentativi al più per una consegna. / How many attempts a delivery has at most."""
    max_age_s: Annotated[int, Field(ge=60, le=2_592_000)] = 259_200
    """Secondi dopo i quali una consegna finisce come scaduta (`expired`). / Seconds after which a delivery ends as
    `expired`."""
    retry_base_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Secondi di attesa media prima del secondo tentativo; raddoppiano ogni volta, con una parte casuale, fino a
    `retry_cap_s`. / Seconds of the first mean delay between attempts; it doubles, with full jitter, up to
    `retry_cap_s`."""
    retry_cap_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    """Secondi della più lunga attesa media fra due tentativi. / Seconds of the longest mean delay between attempts."""
    rate_per_s: Annotated[float, Field(gt=0, le=10_000)] = 10.0
    """Quante consegne cominciano in un secondo, per tutti i processi insieme; la domanda successiva su una consegna
    accettata conta anch'essa. Il fornitore dice quante ne accetta. / Deliveries begun in a second, by all workers
    together; a follow-up of an accepted one counts as one too. The provider says how many it takes."""
    burst: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Quante possono cominciare insieme dopo una pausa. / How many may begin at once after a rest."""
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 4
    """Quante consegne sono in corso insieme. Meno dei thread dell'hub: il resto è ciò che un fornitore lento lascia. /
    Deliveries under way at once. Keep it below the threads of the hub: the rest is what a slow provider leaves."""
    breaker_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """Quanti guasti di seguito, che parlano del fornitore, prima di lasciarlo in pace per un po'. / Failures in a row
    that speak of the provider, after which nothing is sent for a while."""
    breaker_open_s: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """Secondi di quella pausa; poi una consegna prova. Raddoppiano finché non riesce, fino a `breaker_max_open_s`. /
    Seconds of that rest; then one delivery tries. It doubles while that fails, up to `breaker_max_open_s`."""
    breaker_max_open_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    """Secondi della pausa più lunga. / Seconds of the longest such rest."""
