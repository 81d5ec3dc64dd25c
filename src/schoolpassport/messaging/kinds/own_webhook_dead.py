from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-webhook-dead",
    title="A webhook of one's own was given up",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: your webhook at {host} was given up",
    words="""\
A message of {district} to the webhook of {application} at {host} was given up. {why} Nothing is lost. When your
receiver is back, ask integrations/{integration}/webhooks/{endpoint}/replay of the vendor API for what came
after {after}, or read the change log from there.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
        "host": "hooks.lantern.example",
        "integration": "0197c2aa-0000-7000-8000-000000000001",
        "endpoint": "0197c2aa-0000-7000-8000-000000000000",
        "after": 120,
        "why": "It did not take it for three days.",
    },
)
