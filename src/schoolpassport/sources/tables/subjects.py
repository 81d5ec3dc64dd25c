from schoolpassport.sources.tables.shape import Table

# SCED: the subject areas of the School Courses for the Exchange of Data (NCES, public domain).
_AREAS = {
    "01": ("English Language and Literature", "English", "English Language Arts", "Language Arts", "ELA", "Reading"),
    "02": ("Mathematics", "Math", "Maths", "Algebra", "Geometry"),
    "03": ("Life and Physical Sciences", "Science", "Biology", "Chemistry", "Physics"),
    "04": ("Social Sciences and History", "Social Studies", "History", "Geography", "Civics"),
    "05": ("Visual and Performing Arts", "Fine and Performing Arts", "Art", "Arts", "Music", "Drama", "Theater"),
    "07": ("Religious Education and Theology", "Religion"),
    "08": ("Physical, Health, and Safety Education", "Physical Education", "PE", "Health"),
    "09": ("Military Science",),
    "10": ("Information Technology", "Computer and Information Sciences", "Computer Science", "Computing"),
    "11": ("Communications and Audio/Visual Technology",),
    "12": ("Business and Marketing", "Business"),
    "13": ("Manufacturing",),
    "14": ("Health Care Sciences",),
    "15": ("Public, Protective, and Government Service",),
    "16": ("Hospitality and Tourism",),
    "17": ("Architecture and Construction",),
    "18": ("Agriculture, Food, and Natural Resources", "Agriculture"),
    "19": ("Human Services",),
    "20": ("Transportation, Distribution and Logistics",),
    "21": ("Engineering and Technology", "Engineering"),
    "22": ("Miscellaneous",),
    "23": ("Non-Subject-Specific",),
    "24": ("World Languages", "Foreign Language and Literature", "Foreign Language", "Spanish", "French", "German"),
}

TABLE = Table(
    name="subjects",
    sentence="Names of subjects → subject areas of SCED (two digits).",
    words={**{code: code for code in _AREAS}, **{name: code for code, names in _AREAS.items() for name in names}},
)
