from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="own-delivery-failed",
    title="Files for one's own application could not be delivered",
    whom=(Whom.PARTNER,),
    usual=How.AT_ONCE,
    subject="{application}: files of {district} could not be delivered",
    words="""\
The delivery {delivery} of {district} to {application} failed, and is not tried again by itself before the next
one. Look whether your server can be reached and lets the house in.""",
    commands=(),
    example={
        "district": "Amber Valley",
        "application": "Lantern Reader",
        "delivery": "nightly",
    },
)
