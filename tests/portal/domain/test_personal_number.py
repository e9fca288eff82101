import pytest

from portal.domain.personal_number import looks_like_personal_number


@pytest.mark.parametrize(
    "text",
    [
        "8112189876",
        "811218-9876",
        "198112189876",
        "19811218-9876",
        "811218+9876",
        "811278-9873",  # samordningsnummer: day 78 is day 18
        "0002292381",  # 29 February 2000
        "200002292381",
    ],
)
def test_the_shape_of_a_personal_number_is_recognised(text: str) -> None:
    assert looks_like_personal_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8112189875",  # Luhn
        "8113389871",  # month 13
        "8112009876",  # day 0
        "190002292381",  # 1900 had no 29 February
        "20000000000001",  # 14 digits: a library card
        "81121898760",  # 11 digits
        "181112189876",  # no such century
        "811218 9876",  # blanks are the caller's matter
        "811218-9876\n",
        "٨١١٢١٨٩٨٧٦",  # digits of other scripts as well
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    assert not looks_like_personal_number(text)
