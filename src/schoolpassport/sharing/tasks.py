"""The job that begins and ends consents when their day comes. It holds no logic, and may run twice."""

from procrastinate.contrib.django import app

from schoolpassport.kit import clock
from schoolpassport.sharing import actions


@app.periodic(cron="* * * * *")
@app.task(name="sharing.attend", queue="sharing")
def attend(timestamp: int) -> None:
    """What has expired is refused at its instant; this makes the tombstones, and lets begin what was approved."""
    del timestamp
    actions.attend(now=clock.now())
