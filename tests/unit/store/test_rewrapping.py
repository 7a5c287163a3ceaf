"""Which columns a rotation of the vault key concerns."""

from hub.store import rewrapping
from hub.store.tables import metadata

UNDER_A_DATA_KEY = {
    ("citizen_attributes", "value_sealed"),
    ("citizen_contacts", "value_sealed"),
    ("citizens", "tax_code_sealed"),
    ("delivery_proofs", "proof_sealed"),
    ("delivery_requests", "request_sealed"),
    ("evidence", "body_sealed"),
    ("evidence", "tokens_sealed"),
    ("item_versions", "payload_sealed"),
    ("preferences", "record_sealed"),
    ("rights_requests", "answer_sealed"),
    ("rights_requests", "text_sealed"),
}


def test_every_sealed_column_is_sealed_anew_or_hangs_on_a_key_that_is():
    """A column forgotten here could not be opened once the former key is taken away."""
    found = {(t.name, c.name) for t in metadata.tables.values() for c in t.columns if c.name.endswith("_sealed")}
    anew = [(one.table.name, one.column) for one in rewrapping._SEALED]
    assert found == {*anew} | UNDER_A_DATA_KEY
    assert len(anew) == len({*anew})  # one that stood here twice would be counted twice
