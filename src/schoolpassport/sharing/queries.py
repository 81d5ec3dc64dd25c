"""Reading a view. ``view_for`` gives the only object that can."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import listings, plans, relations, roundtrip, selection, standing
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.contract import Subset
from schoolpassport.sharing.listings import Listing
from schoolpassport.sharing.plans import Plan
from schoolpassport.sharing.records import (
    Door,
    Fault,
    NothingShared,
    Page,
    PageRequest,
    Selection,
    Shared,
    Single,
    Unanswerable,
    Unknown,
)
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Answer, Pull, Standing

_NOTED_AGAIN = timedelta(minutes=10)  # a walk that begins on a revision noted longer ago than this notes it anew
_ATTEMPTS = 20  # publications in the middle of one request, before it gives up

_last_seen = standing.LastSeen()
