"""What the words in a header mean, in English, German, Spanish and French: whose attribute it names, and which one.

A header is taken apart into words, compounds too (*Schülernummer*, *LastName*). Words that nobody knows leave a doubt.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

WHO: Mapping[str, str] = {
    "student": "student students stu pupil pupils learner learners lernende lernender child "
    "schuler schulerin schulerinnen schueler kind "
    "alumno alumna alumnos alumnado estudiante estudiantes eleve eleves etudiant apprenant",
    "teacher": "teacher teachers instructor faculty staff employee educator lehrer lehrerin lehrkraft lehrkrafte "
    "lehrpersonal kollegium personal mitarbeiter profesor profesora profesores profesorado docente docentes maestro "
    "enseignant enseignants professeur professeurs prof tutor_de_grupo advisor",
    "guardian": "parent parents guardian guardians mother father mom dad mutter vater eltern elternteil "
    "erziehungsberechtigte erziehungsberechtigter sorgeberechtigte sorgeberechtigter padre madre tutor tutora familiar "
    "responsable pere mere contact contacts emergency notfall",
    "person": "person persons personen people user users member account benutzer nutzer usuario persona "
    "personne utilisateur",
    "school": "school schools schulhaus campus building site schule schulen schul schulstandort standort escuela "
    "centro colegio instituto etablissement ecole lycee uai sch",
    "class": "class classes section sections klasse klassen lerngruppe lerngruppen gruppe group homeroom form "
    "tutorgroup sec grupo grupos groupe groupes clase clases classe division unterricht registration reg",
    "course": "course courses crs kurs kurse curso_materia cours subject subjects fach facher asignatura materia "
    "asignaturas matiere discipline",
    "term": "term terms semester trimester quarter halbjahr session trimestre semestre periodo evaluacion periode",
    "enrollment": "enrollment enrolment enrollments enrolments enroll belegung belegungen kurszuordnung zuordnung "
    "matriculas inscripcion inscripciones inscription inscriptions roster membership mitgliedschaft",
}
WHAT: Mapping[str, str] = {
    "password": "password passwort kennwort contrasena clave_acceso mdp pwd pin passcode",
    "private": "ssn social dni nie nif insee sozialversicherung sozialversicherungsnummer steuer tax passport "
    "nationalidentity",
    "email": "email emails mail mails emailadresse mailadresse correo courriel mel",
    "other": "address adresse direccion street strasse calle rue city town stadt ort wohnort ciudad ville lugar lieu "
    "place zip postcode postal plz cp country land pais pays language sprache idioma lengua langue nationality "
    "nationalitat nacionalidad nationalite staatsangehorigkeit religion konfession confession ethnicity race lunch bus "
    "photo foto locker note notes notiz bemerkung bemerkungen comment comments observaciones remarque graduation "
    "entry eintritt exit austritt entrada salida entree sortie admission aufnahme status relationship relation "
    "beziehung parentesco lien salary gehalt gpa absences fehltage faltas attendance age alter edad medical allergies "
    "allergien allergie title_of anrede salutation tratamiento civilite hours stunden horas credits credit size "
    "capacity anzahl count updated modified created geandert timestamp aktualisiert birthplace geburtsort signature "
    "option regime district district_name language1 lv1 lv2 instrument club house",
    "birth": "birth birthdate birthday dob born bday geboren geburt geburts geburtsdatum geburtstag geb nacimiento "
    "naissance "
    "ne",
    "sex": "sex gender geschlecht sexo genero sexe",
    "username": "username login loginname logon benutzername anmeldename benutzerkennung identifiant userid_login",
    "sms": "mobile cell cellphone handy mobil mobiltelefon mobilnummer movil portable",
    "phone": "phone telephone tel telefon telefonnummer fon telefono telf rufnummer",
    "preferredFirstName": "preferred nickname goes known rufname",
    "givenName": "first given vorname vornamen forename firstname givenname nombre prenom prenoms fname",
    "familyName": "last family surname nachname nachnamen familienname zuname lastname familyname apellido apellidos "
    "nom lname surnames",
    "middleName": "middle zweitname segundo middlename",
    "grade": "grade grades gradelevel yr gr jahrgang jahrgangsstufe klassenstufe stufe schulstufe schuljahrgang nivel "
    "niveau yeargroup yearlevel gl",
    "role": "role rolle funktion rol cargo fonction position usertype persontype",
    "schoolYear": "schoolyear schuljahr academicyear anoescolar anneescolaire cursoescolar",
    "beginDate": "start begin beginn startdate begins von inicio debut from since seit",
    "endDate": "end ende enddate ends bis fin until hasta",
    "periods": "period periods stunde block hora heure slot",
    "location": "room raum zimmer aula salle classroom location sala klassenraum",
    "id": "id ids ident uid guid uuid key sourcedid sisid schlussel kennung",
    "number": "number num no nr nummer numero n code codes codigo clave kurzel kuerzel kennziffer kennzahl "
    "identifier matricula "
    "expediente matricule nia ine nie_alumno abbreviation abk ref",
    "title": "name names title titel bezeichnung bez nombre_de titulo titre intitule libelle description designation "
    "label desc denominacion",
    "year": "year jahr ano annee curso",
}
_FOREIGN = frozenset({"state", "local", "external", "other", "alternate", "alt", "national", "federal", "legacy"})
_SILENT = (
    "1 a address1 al and au complete completo d date dates datum de del der des du el et fecha for "
    "full id_ im in l la le legal les main of official offizielle one primary record s sis system the "
    "und unique voll y"
)
_PHRASES = (
    (r"\be mail\b", "email"),
    (r"\bd o b\b", "dob"),
    (r"^(m w|m f|w m|f m|h f)( d)?$", "sex"),
    (r"\buser name\b", "username"),
    (r"\b(school|academic) year\b", "schoolyear"),
    (r"\bano (escolar|academico)\b", "schoolyear"),
    (r"\bannee scolaire\b", "schoolyear"),
    (r"\bcurso (escolar|academico)\b", "schoolyear"),
    (r"\b(grade|year) (level|group)\b", "grade"),
    (r"\bhome room\b", "homeroom"),
    (r"\blog in\b", "login"),
    (r"\bnom de famille\b", "familyname"),
    (r"\bnom d usage\b", "familyname"),
    (r"\bnombre (del )?(centro|grupo|curso)\b", r"\2 titulo"),
    (r"\bnom (de l |de la |du )?(etablissement|ecole|classe|cours)\b", r"\2 titre"),
    (r"\b(user|person) type\b", "role"),
    (r"\bcorreo electronico\b", "correo"),
    (r"\bregistration group\b", "tutorgroup"),
    (r"\btutor group\b", "tutorgroup"),
    (r"\b(social security|sozialversicherungs?) ?\w*\b", "ssn"),
    (r"\btax id\b", "tax"),
    (r"\bcode (uai|rne)\b", "school id"),
    (r"\bplace of birth\b", "birthplace"),
)
_SHORTEST = 3  # letters of a word at the beginning of a compound
_LINKS = ("", "s", "n", "en", "er", "es")


def _lexicon(words: Mapping[str, str]) -> dict[str, str]:
    return {_spelt(word): meaning for meaning, listed in words.items() for word in listed.split()}


def _spelt(text: str) -> str:
    """Without accents, and with one way to write an umlaut."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ẞ", "SS"))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    return re.sub(r"([aou])e", r"\1", plain)


_WHO, _WHAT = _lexicon(WHO), _lexicon(WHAT)
_KNOWN = {**_WHO, **_WHAT}
_QUIET = {_spelt(w) for w in _SILENT.split()}
_ALIEN = {_spelt(w) for w in _FOREIGN}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """``who``: whose attribute, in the order of the words. ``what``: which, the telling one first.

    ``count``: 2 of *Parent 2*. ``alien``: an id of somebody else's system. ``unknown``: words that nobody knows.
    """

    who: tuple[str, ...]
    what: tuple[str, ...]
    count: str = ""
    alien: bool = False
    unknown: tuple[str, ...] = ()


def meaning(header: str) -> Meaning:
    words = [part for word in _words(header) for part in _parts(word)]
    who = tuple(dict.fromkeys(_WHO[w] for w in words if w in _WHO))
    found = {_WHAT[w] for w in words if w in _WHAT}
    return Meaning(
        who=who,
        what=tuple(w for w in WHAT if w in found),
        count=next((w for w in words if w.isdigit()), ""),
        alien=bool(_ALIEN & set(words)),
        unknown=tuple(w for w in words if w not in _KNOWN and w not in _QUIET and w not in _ALIEN and not w.isdigit()),
    )


def _words(header: str) -> list[str]:
    parted = re.sub(r"(?<=[a-zäöüß])(?=[A-Z])", " ", unicodedata.normalize("NFC", header))
    plain = re.sub(r"[^a-z0-9]+", " ", re.sub(r"(?<=[A-Za-z])(?=[0-9])", " ", _spelt(parted))).strip()
    for pattern, instead in _SPELT_PHRASES:
        plain = pattern.sub(instead, plain)
    return plain.split()


def _parts(word: str) -> list[str]:
    """A compound as its parts, where both are known."""
    if word in _KNOWN or word in _QUIET or word in _ALIEN:
        return [word]
    for cut in range(_SHORTEST, len(word) - 1):
        for link in _LINKS:
            head, tail = word[:cut].removesuffix(link) if link else word[:cut], word[cut:]
            if head in _KNOWN and tail in _KNOWN and min(len(head), len(tail) + 1) >= _SHORTEST:
                return [head, tail]
    return [word]


_SPELT_PHRASES = tuple((re.compile(re.sub(r"([aou])e(?=[a-z])", r"\1", p)), _spelt(i)) for p, i in _PHRASES)
