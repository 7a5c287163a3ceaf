"""A receipt signed before its commit is durable is sent for that commit alone."""

from starlette.responses import Response

from hub.http.prepared import Prepared


def test_a_receipt_is_signed_once_and_anew_for_the_answer_of_another_try():
    signed = []

    def receipt(answer):
        signed.append(answer[0])
        return Response(answer[0])

    first, second = ["one"], ["two"]
    prepared = Prepared(receipt)
    prepared.early(first)
    assert prepared.of(first).body == b"one"
    assert signed == ["one"]
    assert prepared.of(second).body == b"two"
    assert signed == ["one", "two"]


def test_what_was_not_prepared_is_signed_for_the_answer():
    assert Prepared(Response).of("late").body == b"late"
