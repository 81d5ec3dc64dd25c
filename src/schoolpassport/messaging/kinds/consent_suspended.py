from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-suspended",
    title="An application suspended a consent",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    subject="{district}: {application} suspended the consent",
    words="""\
The side of {application} suspended the consent: it is served nothing until that side resumes it. It keeps what it
holds; whatever it misses comes then. The history says whether it gave a reason.""",
    commands=(
        "schoolpassport consent show --district {at}",
        "schoolpassport consent history {consent} --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "consent": "0197c2aa-0000-7000-8000-000000000000",
    },
)
