from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="webhook-dead",
    title="A webhook was given up",
    whom=(Whom.DISTRICT,),
    usual=How.DAILY,
    subject="{district}: {application} is not told of news any more",
    words="""\
A message to the webhook of {application} at {host} was given up. {why} Nothing is lost: when its receiver is
back, tell it again.""",
    commands=(
        "schoolpassport webhooks messages {endpoint} --district {at}",
        "schoolpassport webhooks replay {endpoint} --after {after} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "host": "hooks.lantern.example",
        "endpoint": "0197c2aa-0000-7000-8000-000000000000",
        "after": 120,
        "why": "It did not take it for three days.",
    },
)
