"""What is taught. Subject codes look like SCED codes; that they are the right ones is not promised."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Subject:
    """``high`` holds the titles in grades 09 to 12; below, the label and the grade make the title."""

    prefix: str
    labels: str  # a list as OneRoster writes it; codes run parallel
    codes: str
    high: tuple[str, str, str, str]
    room: str = "Room"
    elective: bool = False  # offered by a school to all its grades, not by the district for one

    @property
    def label(self) -> str:
        return self.labels.split(",")[0]


HOMEROOM = Subject(
    prefix="HR", labels="Homeroom", codes="22106", high=("Advisory 9", "Advisory 10", "Advisory 11", "Advisory 12")
)

# The first is the first period after homeroom, and so on.
SUBJECTS = (
    HOMEROOM,
    Subject(
        prefix="EN",
        labels="English Language Arts",
        codes="01028",
        high=("English 9", "English 10", "American Literature", "World Literature & Composition"),
    ),
    Subject(
        prefix="MA", labels="Mathematics", codes="02030", high=("Algebra I", "Geometry", "Algebra II", "Statistics")
    ),
    Subject(
        prefix="SC",
        labels="Science,Laboratory Skills",
        codes="03228,03994",
        high=("Earth Science", "Biology", "Chemistry", "Physics"),
        room="Lab",
    ),
    Subject(
        prefix="SS",
        labels="Social Studies",
        codes="04430",
        high=("Geography", "World History", "U.S. History", "Government, Law & Economics"),
    ),
    Subject(
        prefix="PE",
        labels="Physical Education",
        codes="08001",
        high=("Fitness I", "Fitness II", "Team Sports", "Lifetime Sports"),
        room="Gym",
    ),
    Subject(
        prefix="AR",
        labels="Visual Arts",
        codes="05154",
        high=("Visual Arts", "Visual Arts", "Visual Arts", "Visual Arts"),
        room="Studio",
        elective=True,
    ),
    Subject(
        prefix="MU",
        labels="Music",
        codes="05101",
        high=("Choir", "Choir", "Choir", "Choir"),
        room="Hall",
        elective=True,
    ),
    Subject(
        prefix="WL", labels="World Languages", codes="24052", high=("Español I", "Español II", "Français I", "中文 I")
    ),
    Subject(
        prefix="CS",
        labels="Computer Science,Mathematics",
        codes="10011,02994",
        high=("Exploring Computing", "Web Design", "Programming in C++", "Data & Society"),
        room="Lab",
    ),
    Subject(
        prefix="HE", labels="Health", codes="08051", high=("Health 9", "Health 10", "First Aid", "Wellness"), room="Gym"
    ),
    Subject(
        prefix="CA",
        labels="Career Education",
        codes="22151",
        high=("Careers", "Careers", "Careers", "Careers"),
        elective=True,
    ),
)
