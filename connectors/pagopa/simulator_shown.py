"""How each version of the simulated GPD shows a position, in the answer to an act and to a question."""

from typing import Any

from .simulator_forms import Broken, payables

_V3_STATUS = {"EXPIRED": "UNPAYABLE", "INVALID": "UNPAYABLE", "REPORTED": "PAID"}
_V1_OPTION = {"UNPAID": "PO_UNPAID", "PAID": "PO_PAID", "REPORTED": "PO_REPORTED"}


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _transfers(kept: dict[str, Any], payable: dict[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for transfer in payable["transfer"]:
        one = _present(transfer) | {"status": "T_UNREPORTED", "insertedDate": kept["inserted"]}
        one.setdefault("organizationFiscalCode", kept["organization"])
        shown.append(one)
    return shown


def _paid(payable: dict[str, Any]) -> dict[str, Any]:
    names = ("paymentDate", "paymentMethod", "pspCompany", "idReceipt", "fee", "notificationFee")
    return {name: payable[name] for name in names if payable.get(name) is not None}


def shown_v1(kept: dict[str, Any]) -> dict[str, Any]:
    """PaymentPositionModelBaseResponse. Raises Broken: 422 where v1 knows no such position."""
    if sum(len(option["installments"]) > 1 for option in kept["options"]) > 1:
        raise Broken(422, "MULTI_INSTALLMENT_NOT_SUPPORTED_IN_V1")
    options = [_option(kept, option, payable) for option, payable in payables(kept)]
    debtor_type = kept["options"][0]["debtor"]["type"] if kept["options"] else "F"
    return _common(kept) | {"type": debtor_type, "status": kept["status"], "paymentOption": options}


def option_v1(kept: dict[str, Any], nav: str) -> dict[str, Any]:
    """PaymentsModelResponse: one of its payment options."""
    option, payable = next(each for each in payables(kept) if each[1]["nav"] == nav)
    name = "lastUpdatedDateNotificationFee"
    return _option(kept, option, payable) | _present({name: payable.get(name)})


def _option(kept: dict[str, Any], option: dict[str, Any], payable: dict[str, Any]) -> dict[str, Any]:
    return (
        {name: payable[name] for name in ("nav", "iuv", "amount", "description", "dueDate")}
        | {
            "organizationFiscalCode": kept["organization"],
            "isPartialPayment": option.get("partial", len(option["installments"]) > 1),
            "insertedDate": kept["inserted"],
            "status": _V1_OPTION[payable.get("status", "UNPAID")],
            "transfer": _transfers(kept, payable),
        }
        | _paid(payable)
    )


def shown_v3(kept: dict[str, Any]) -> dict[str, Any]:
    """PaymentPositionModelResponseV3."""
    unpayable = kept["status"] in ("EXPIRED", "INVALID")
    options = [
        _present({name: option[name] for name in ("switchToExpired", "retentionDate", "validityDate")})
        | {
            "insertedDate": kept["inserted"],
            "debtor": _present(option["debtor"]),
            "installments": [
                {name: payable[name] for name in ("nav", "iuv", "amount", "description", "dueDate")}
                | {
                    "status": "UNPAYABLE" if unpayable else payable.get("status", "UNPAID"),
                    "transfer": _transfers(kept, payable),
                }
                | _paid(payable)
                for payable in option["installments"]
            ],
        }
        for option in kept["options"]
    ]
    return _common(kept) | {"status": _V3_STATUS.get(kept["status"], kept["status"]), "paymentOption": options}


def model_v1(kept: dict[str, Any]) -> dict[str, Any]:
    """PaymentPositionModel: what was sent, with its status. Raises Broken: 422 where v1 knows no such position."""
    status = shown_v1(kept)["status"]
    debtor = kept["options"][0]["debtor"] if kept["options"] else {}
    first = kept["options"][0] if kept["options"] else {"switchToExpired": False, "validityDate": None}
    options = [
        _sent(payable)
        | _present({"retentionDate": option["retentionDate"]})
        | {
            "isPartialPayment": option.get("partial", len(option["installments"]) > 1),
            "paymentOptionMetadata": payable["installmentMetadata"],
        }
        for option, payable in payables(kept)
    ]
    its = {name: first[name] for name in ("switchToExpired", "validityDate")} | debtor
    return _present(_own(kept) | its) | {"status": status, "paymentOption": options}


def model_v3(kept: dict[str, Any]) -> dict[str, Any]:
    """PaymentPositionModelV3, in the same way."""
    names = ("description", "validityDate", "retentionDate", "switchToExpired")
    options = [
        _present({name: option[name] for name in names})
        | {
            "debtor": _present(option["debtor"]),
            "installments": [
                _sent(payable) | {"installmentMetadata": payable["installmentMetadata"]}
                for payable in option["installments"]
            ],
        }
        for option in kept["options"]
    ]
    return _present(_own(kept)) | {"status": shown_v3(kept)["status"], "paymentOption": options}


def _own(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: kept[name] for name in ("iupd", "payStandIn", "companyName", "officeName")}


def _sent(payable: dict[str, Any]) -> dict[str, Any]:
    its = {name: payable[name] for name in ("nav", "iuv", "amount", "description", "dueDate")}
    return its | {"transfer": [_present(transfer) for transfer in payable["transfer"]]}


def _common(kept: dict[str, Any]) -> dict[str, Any]:
    return _present(
        {
            "iupd": kept["iupd"],
            "organizationFiscalCode": kept["organization"],
            "companyName": kept["companyName"],
            "officeName": kept["officeName"],
            "insertedDate": kept["inserted"],
            "publishDate": kept.get("published"),
            "lastUpdatedDate": kept["updated"],
        }
    )
