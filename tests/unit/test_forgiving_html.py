"""HTML that was made to break its reader, or that only an office program writes."""

import time

import pytest

from connectors.base.mapping.cleaning import cleaner
from connectors.opencity.text import markdown


@pytest.mark.parametrize("read", [cleaner(("html",), (), None, None), markdown])
@pytest.mark.parametrize("odd", ["<![x", "<![x]>", "<![", "<![[", "<!ELEMENT [", "<!--", "<!x", "<![if !vml]>"])
def test_no_declaration_holds_up_the_text_around_it(read, odd):
    found = read(f"<p>Prima</p>{odd}<p>Dopo</p>")
    assert found.startswith("Prima")


def test_comments_of_an_office_program_are_not_read():
    assert markdown("<p>Uno<!--[if gte mso 9]><xml>no</xml><![endif]--> due</p>") == "Uno due"


@pytest.mark.parametrize("odd", ["<!--", "<![x", "<!", "</", "<?"])
def test_very_many_of_them_take_no_longer(odd):
    begun = time.process_time()
    markdown(odd * 1_000_000)
    assert time.process_time() - begun < 10
