# ruff: noqa: RUF001 - the letters are those of the names: Cyrillic, Greek, okina and the rest are meant
"""Names to draw from. No one in particular has them; together they hold every letter that breaks a careless reader."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Given and family names that go together, and how many families in a hundred have them."""

    share: int
    given: tuple[str, ...]
    family: tuple[str, ...]


def _listed(names: str) -> tuple[str, ...]:
    return tuple(names.split(", "))


def _origin(share: int, given: str, family: str) -> Origin:
    return Origin(share=share, given=_listed(given), family=_listed(family))


ORIGINS = (
    _origin(
        20,
        "Abigail, Benjamin, Charlotte, Dylan, Eleanor, Finley, Grace, Hudson, Isla, Jack, Kendall, Logan, Mia, Nolan,"
        " Olivia, Parker, Quinn, Riley, Sadie, Theodore, Mary Ann, Willa",
        "Alderman, Bickford, Caldwell, Dunmore, Eastwood, Fairbanks, Grantham, Hollis, Ingram, Jessop, Kirkwood,"
        " Langley, Merriweather, Norcross, Oakes, Pemberton, Ridgeway, Smith-Harlow, Thackeray, Underhill, Whitlock",
    ),
    _origin(
        18,
        "Adrián, Beatriz, Camila, Diego, Elena, Fermín, Guadalupe, Héctor, Inés, Joaquín, José Luis, Lucía,"
        " María José, Nicolás, Óscar, Pilar, Rocío, Sebastián, Tomás, Ximena, Yesenia, Zoé",
        "Álvarez, Benítez, Castañeda, de la Cruz, Echeverría, Fernández, García Márquez, Hernández, Ibáñez, Jiménez,"
        " López, Muñoz, Núñez, Ortega, Peña, Quiñones, Ramírez-Soto, Sánchez, Treviño, Vásquez, Yáñez, Zúñiga",
    ),
    _origin(
        10,
        "Aaliyah, Amari, Deja, D'Andre, Ebony, Imani, Jaylen, Ja'Nae, Kiara, La'Shawn, Malik, Nia, O'Shea, Tariq,"
        " Tyrell, Zora",
        "Ames, Broadnax, Coleridge, Dandridge, Easley, Gaither, Hargrove, Lattimore, Mayfield, Pettway, Rollins,"
        " Stallworth, Tolliver, Winfrey-Boyd",
    ),
    _origin(
        6,
        "Aoife, Bríd, Cillian, Donncha, Éamon, Fionn, Gráinne, Máire, Niamh, Oisín, Róisín, Saoirse, Seán, Tadhg",
        "Brennan, Ó Briain, O'Connell, O'Dwyer, Fitzgerald, Gallagher, MacGregor, McAllister, Mac Giolla Bhríde,"
        " Ní Dhomhnaill, O'Shaughnessy, Quigley",
    ),
    _origin(
        6,
        "Anh, Bảo, Chi, Dũng, Đức, Hương, Khánh, Lan, Minh, Ngọc, Phương, Quỳnh, Thảo, Tuấn, Vy, Yến",
        "Bùi, Đặng, Đỗ, Hồ, Lê, Lý, Ngô, Nguyễn, Phạm, Phan, Trần, Võ, Vũ",
    ),
    _origin(
        6,
        "Chen, Guowei, Hao, Jiayi, Lan, Meiling, Ning, Qiang, Rui, Shu, Tian, Wei, Xiaoming, Yan, Zihan",
        "Cao, Deng, Fang, Guo, He, Huang, Kong, Li, Ma, Ng, Ouyang, Qian, Song, Tang, Wu, Xie, Yu, Zhao",
    ),
    _origin(
        6,
        "Aarav, Bhavna, Chandrika, Devansh, Esha, Gautam, Ishaan, Jaswinder, Kavya, Lakshmi, Meera, Nikhil, Pooja,"
        " Rohan, Saanvi, Tanvi, Vikram",
        "Banerjee, Chaudhary, Deshpande, Gill, Iyer, Joshi, Kapoor, Krishnamurthy, Mukherjee, Nair, Patel, Rao,"
        " Sharma, Singh, Venkataraman",
    ),
    _origin(
        5,
        "Ahmad, Bilal, Dalia, Fatima-Zahra, Hassan, Iman, Khalid, Layla, Mariam, Nour, Omar, Rania, Salma, Yusuf",
        "Abdul-Rahman, al-Amin, Ben Youssef, El Haddad, Farouk, Haddad, Khalil, Mansour, Nasser, Qureshi, Rahimi,"
        " Saleh, Yilmaz-Khan, Zaidan",
    ),
    _origin(
        5,
        "Bogdan, Dobromiła, Ewa, Gabriela, Jiří, Kateřina, Łukasz, Małgorzata, Ondřej, Paweł, Řehoř, Stanisław,"
        " Świętosława, Tomáš, Zofia, Žofie",
        "Brzęczyszczykiewicz, Černý, Dvořák, Gąsiorowski, Horáková, Jabłoński, Kowalczyk, Křížek, Nowak, Říha,"
        " Šťastný, Wójcik, Żurawski",
    ),
    _origin(
        4,
        "Anne-Sophie, Benoît, Cécile, Étienne, François, Gaëlle, Jean-Baptiste, Léa, Loïc, Noémie, Océane, Réginald",
        "Beauséjour, Châtelain, D'Aubigné, de Montréal, Désiré, Lefèvre, L'Ouverture-Pierre, Michaud, Noël,"
        " Saint-Fleur, Théodore, Toussaint",
    ),
    _origin(
        4,
        "Åsa, Björn, Dagný, Friðrik, Günther, Håkon, Jörg, Käthe, Lærke, Maj-Britt, Øystein, Sönke, Þóra, Vigdís",
        "Ångström, Bäckström, Dürrenmatt, Eiríksdóttir, Großmann, Jørgensen, Kjærgaard, Lindqvist, Müller,"
        " Nygård, Østergaard, Sjöberg, Van der Heijden, von Weiß",
    ),
    _origin(
        3,
        "Adébáyọ̀, Chidi, Efua, Folásadé, Ifeoma, Kwame, Ngozi, Olúwaṣeun, Obinna, Tèmítọ́pẹ́, Yaa, Zainab",
        "Adéyẹmí, Boateng, Chukwuemeka, Diallo, Eze, N'Diaye, Nwosu, Ọláwálé, Okonkwo-Bello, Traoré",
    ),
    _origin(
        2,
        "Kaʻiulani, Keoni, Leilani, Nālani, ʻIolani, Sione, Tāne, Whetū",
        "Kahananui, Kealoha, Māhoe, Nākoa, ʻŌpūnui, Taumoepeau, Te Rangi",
    ),
    _origin(1, "伟, 小明, 美玲, 秀英, 子涵, 欣怡", "王, 李, 陈, 欧阳, 赵, 黄"),
    _origin(1, "さくら, 健太, 美咲, 翔, 陽菜", "佐藤, 鈴木, 高橋, 山本, 渡邊"),
    _origin(1, "민준, 서연, 지우, 하은", "김, 남궁, 박, 이, 최"),
    _origin(1, "فاطمة, محمد, يوسف, مريم, نور", "الحداد, الأمين, بن يوسف, خليل, منصور"),
    _origin(1, "Алёна, Дмитро, Ольга, Святослав, Юлія, Женя", "Иванчук, Ковальова, Петренко, Щербак, Якименко"),
)

MIDDLE_NAMES = _listed("A., B., Cruz, D., de Jesús, Elise, J., James, Lee, M., Marie, Noor, R., Rose, Sol, T., van")

SCHOOL_NAMES = _listed(
    "Alder, Birch, Cedar, Cypress, Elm, Fern, Garnet, Harbor, Heron, Hickory, Juniper, Kestrel, Laurel, Linden,"
    " Magnolia, Maple, Meadow, Mesquite, Osprey, Prairie, Quail, Redwood, Sage, Saint-Étienne, Sparrow, Sycamore,"
    " Walnut, Willow"
)
SCHOOL_PLACES = _listed(
    "Creek, Hollow, Ridge, Park, Valley, Point, Crossing, Grove, Springs, Heights, Landing, Mesa, Bend, Falls"
)
CITIES = (
    "Coeur d'Alene",
    "La Cañada Flintridge",
    "Winston-Salem",
    "St. Paul",
    "Española",
    "Truth or Consequences",
    "Hāna",
    "Boise",
    "Macon",
    "Duluth",
    "Reykjavík",
    "São Paulo",
)
