from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-agreed",
    title="An operator agreed to a consent for both sides",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: a consent with {application} was agreed for you",
    words="""\
Whoever runs School Passport agreed to a consent with {application} for both sides. It takes the place of any other
one. Where that one was suspended, this one is, too.""",
    commands=(
        "schoolpassport consent show --district {at}",
        "schoolpassport consent history {consent} --district {at}",
        "schoolpassport consent revoke {app_at} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "app_at": "'Lantern Reader'",
        "consent": "0197c2aa-0000-7000-8000-000000000000",
    },
)
