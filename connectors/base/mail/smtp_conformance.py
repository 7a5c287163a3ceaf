"""The promises of every connector, for one that sends by SMTP: the simulated mail server plays the provider."""

from typing import ClassVar

from ..conformance import Conformance
from ..scripted import Fault as Kind
from .simulated_smtp import Fault, Simulator


class SmtpConformance(Conformance):
    """Give `smtp`, started, and `connect`."""

    faults: ClassVar[tuple[Kind, ...]] = (Kind.REFUSED, Kind.CUT, Kind.SILENT, Kind.SLOW_HEAD, Kind.GARBAGE)
    _script: ClassVar[dict[Kind, Fault]] = {
        Kind.CUT: Fault("content", "drop"),
        Kind.SILENT: Fault("content", "hang"),
        Kind.SLOW_HEAD: Fault("content", "drip"),
        Kind.GARBAGE: Fault("content", reply="\x00 no protocol at all"),
    }

    smtp: Simulator

    def behave(self, fault: Kind | None) -> None:
        self.smtp.stop()
        self.smtp.behave()
        if fault is not Kind.REFUSED:
            self.smtp.start()
        if fault is not None and fault in self._script:
            self.smtp.misbehave(self._script[fault])

    def taken(self) -> list[str]:
        return [entry["message_id"] for entry in self.smtp.entries()]
