from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-consent-agreed",
    title="An operator agreed to a district's consent for both sides",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: a consent of {district} was agreed for you",
    words="""\
Whoever runs School Passport agreed to a consent of {district} with {application} for both sides. It takes the place
of any other one. Where that one was suspended, this one is, too.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
    },
)
