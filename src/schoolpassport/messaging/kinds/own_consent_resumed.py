from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-resumed",
    title="A district resumed a consent",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: {district} resumed the consent",
    words="""\
{district} resumed the consent that it had suspended. {then}""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
        "then": "It is served again, and what was missed comes now.",
    },
)
