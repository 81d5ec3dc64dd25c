"""Seeded OneRoster 1.1 packages: the same seed, size and day give the same bytes, on any machine.

    facts = write_day(folder=folder, seed=7, size=Size.demo())          # the first night
    facts = write_day(folder=other, seed=7, size=Size.demo(), day=2)    # the night after

A district is never kept: every record carries the days on which it came, left, returned and changed, so each day's
package, and what is different from the day before, follow from the seed alone.
"""

from schoolpassport.demo.generator.cycle import add_cyclic_orgs
from schoolpassport.demo.generator.district import write_changed, write_day
from schoolpassport.demo.generator.facts import DayFacts, KindChanges, Reason, RejectedRow, Trouble
from schoolpassport.demo.generator.package import zip_folder
from schoolpassport.demo.generator.shuffle import write_shuffled
from schoolpassport.demo.generator.size import Size

__all__ = [
    "DayFacts",
    "KindChanges",
    "Reason",
    "RejectedRow",
    "Size",
    "Trouble",
    "add_cyclic_orgs",
    "write_changed",
    "write_day",
    "write_shuffled",
    "zip_folder",
]
