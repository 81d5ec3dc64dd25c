from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-over",
    title="A district's consent is over",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: the consent of {district} is over",
    words="""\
The consent of {district} with {application} {how}. Nothing is served by it any more.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
        "how": "has expired",
    },
)
