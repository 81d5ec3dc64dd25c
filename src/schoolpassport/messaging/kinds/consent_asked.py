from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="consent-asked",
    title="An application asks for a consent",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    waits=True,
    subject="{district}: {application} asks for a consent",
    words="""\
{application} sent a consent for you to look at. Nothing is shared by it before you approve.""",
    commands=(
        "schoolpassport consent show --district {at}",
        "schoolpassport consent preview {app_at} --district {at}",
        "schoolpassport consent approve {app_at} --as district --district {at}",
        "schoolpassport consent ask {app_at} --as district --district {at}",
        "schoolpassport consent reject {app_at} --as district --district {at}",
    ),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "application": "Lantern Reader",
        "app_at": "'Lantern Reader'",
    },
)
