from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-resumed",
    title="An application resumed a consent",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: {application} resumed the consent",
    words="""\
The side of {application} resumed the consent that it had suspended. {then}""",
    commands=("schoolpassport consent show --district {at}",),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "then": "It is served again, and what was missed comes now.",
    },
)
