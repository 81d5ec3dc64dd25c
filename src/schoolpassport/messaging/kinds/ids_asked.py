from schoolpassport.messaging.kinds.shape import How, Kind, Whom

KIND = Kind(
    name="ids-asked",
    title="Ids seem to mean somebody else than before",
    whom=(Whom.DISTRICT,),
    usual=How.AT_ONCE,
    waits=True,
    subject="{district}: {source} seems to have given ids to others, {count} in all",
    words="""\
Run {run} of {source} was taken, but for rows whose id stood for somebody else until now. Those wait, and the people
who had the ids stay as they are. Ids about which to decide: {count}

The list shows both people of each id, and the commands that say who it is. It waits until you decide, or until
{source} sends what it sent before.""",
    commands=("schoolpassport people questions --district {at}",),
    example={
        "district": "Amber Valley",
        "at": "'Amber Valley'",
        "source": "SIS",
        "run": 12,
        "count": 3,
    },
)
