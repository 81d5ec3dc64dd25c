"""What changes data: formats that are saved, deliveries that are set up and sent, accounts that fetch or put them."""

from schoolpassport.delivery.actions.accounts import add_account, end_account, set_quota
from schoolpassport.delivery.actions.deliveries import (
    add_delivery,
    ask,
    change_delivery,
    check,
    fall_due,
    listen,
    remove_delivery,
    reseal_secrets,
    send,
)
from schoolpassport.delivery.actions.formats import save_format

__all__ = [
    "add_account",
    "add_delivery",
    "ask",
    "change_delivery",
    "check",
    "end_account",
    "fall_due",
    "listen",
    "remove_delivery",
    "reseal_secrets",
    "save_format",
    "send",
    "set_quota",
]
