"""The ids of what applications wrote: the same by Python and by SQL, and nobody else's."""

from uuid import UUID

import pytest
from django.db import connection

from schoolpassport.gradebook.contract import id_of, id_sql, is_name, is_ours
from schoolpassport.kit.ids import new_id
from schoolpassport.sharing import naming

ONE, OTHER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize("name", ["a", "quiz-1", "7", "x" * 255, "a@b.example", "6f1c2c58-5d0e-4d3c-9c3b-1f2a3b4c5d6e"])
def test_an_id_is_the_same_by_python_and_by_sql(database, name):
    sql = id_sql(integration="%(i)s::uuid", kind="'result'", name="%(n)s::text")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", {"i": ONE, "n": name})
        ((found,),) = cursor.fetchall()
    assert found == id_of(integration_id=ONE, kind="result", name=name)


def test_an_id_belongs_to_one_name_of_one_kind_of_one_application_and_is_no_gg4l_id():
    found = [
        id_of(integration_id=integration, kind=kind, name=name)
        for integration in (ONE, OTHER)
        for kind in ("lineItem", "result")
        for name in ("a", "b", "A")
    ]
    assert len(set(found)) == len(found)
    assert {each.version for each in found} == {8}
    assert new_id().version == 7


def test_what_has_the_form_of_our_ids_is_no_name_and_what_has_another_is():
    ours = [str(new_id()), str(id_of(integration_id=ONE, kind="result", name="a"))]
    assert [(is_ours(each), is_name(each)) for each in ours] == [(True, False)] * 2
    theirs = ["a", "6f1c2c58-5d0e-4d3c-9c3b-1f2a3b4c5d6e", ours[0].upper(), "x" * 255, "a@b:c~d+e=f|g$h.i_j"]
    assert [(is_ours(each), is_name(each)) for each in theirs] == [(False, True)] * len(theirs)
    assert [each for each in ("", "a b", "a/b", 'a"b', "a\\b", "ä", "x" * 256, "a\n") if is_name(each)] == []


def test_names_stand_where_an_id_stands_as_one_and_never_inside_of_a_text():
    own, foreign = (id_of(integration_id=each, kind="lineItem", name="a|b") for each in (ONE, OTHER))

    def result(item: str, address: str) -> bytes:
        reference = f'{{"href":"http://x/lineItems/{address}","sourcedId":"{item}","type":"lineItem"}}'
        return f'{{"lineItem":{reference},"comment":"see \\"sourcedId\\":\\"{own}\\" or http://x/{own} "}}'.encode()

    before = result(str(own), str(own)) + b"," + result(str(foreign), str(foreign))
    assert naming.written(before) == {own, foreign}
    after = naming.named(before, {str(own): "a|b"})
    assert after == result("a|b", "a%7Cb") + b"," + result(str(foreign), str(foreign))
