from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-asked",
    title="A district proposes a consent",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    waits=True,
    subject="{application}: {district} proposes a consent",
    words="""\
{district} sent a consent for {application}. Nothing is shared by it before your side approves.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
    },
)
