"""What is a phone number and a mail address."""

import pytest

from domain.errors import PermanentError
from domain.paging.destinations import is_mail_address, is_phone_number, masked_number, require_mail_address, require_phone_number


@pytest.mark.parametrize("number", ["+491701234567", "+12025550123", "+6581234567"])
def test_numbers(number: str) -> None:
    assert require_phone_number(number) == number


@pytest.mark.parametrize(
    "number", ["", "0170123", "+0170123456", "+49 170 1234567", "+49-170", "+4917012345678901", "+49170123456a", "+٤٩١٧٠"]
)
def test_no_numbers(number: str) -> None:
    assert not is_phone_number(number)
    with pytest.raises(PermanentError, match="no SMS can go there"):
        require_phone_number(number)


@pytest.mark.parametrize("address", ["lee@example.com", "on.call+p1@ops.example.co.uk"])
def test_addresses(address: str) -> None:
    assert require_mail_address(address) == address


@pytest.mark.parametrize(
    "address",
    ["", "lee", "lee@", "@example.com", "a@b@c", "a@b, c@d", "l@x.y\r\nBcc: x@y.z", "Lee <lee@x.y>", "lée@x.y"],
)
def test_no_addresses(address: str) -> None:
    assert not is_mail_address(address)
    with pytest.raises(PermanentError, match="no mail can go there"):
        require_mail_address(address)


def test_a_number_that_people_read_is_not_whole() -> None:
    assert masked_number("+491701234567") == "+49…567"
