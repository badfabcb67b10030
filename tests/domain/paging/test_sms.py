"""A page as an SMS: few parts, the link whole, the most important first."""

from hypothesis import given
from hypothesis import strategies as st

from domain.paging.sms import MAX_CHARACTERS, count_parts, is_gsm, simplify, sms_text
from tests.harness.page_messages import page_message


def test_parts_are_counted_as_networks_do() -> None:
    assert [count_parts(text) for text in ("", "a" * 160, "a" * 161, "a" * 306, "a" * 307)] == [1, 1, 2, 2, 3]
    assert [count_parts(text) for text in ("ж" * 70, "ж" * 71, "ж" * 134, "ж" * 135)] == [1, 2, 2, 3]
    assert [count_parts(text) for text in ("€" * 80, "€" * 81)] == [1, 2]
    assert [count_parts(text) for text in ("😀" * 35, "😀" * 36)] == [1, 2]


def test_a_character_of_two_units_is_not_torn_between_two_parts() -> None:
    """153 places: 152 letters leave one, which a euro sign does not fit into."""
    assert count_parts("a" * 152 + "€" + "a" * 152) == 3
    assert count_parts("a" * 153 + "€" + "a" * 151) == 2


def test_typography_does_not_double_the_price() -> None:
    text = sms_text(page_message(title="“errors” \u2013 5 ≥ 3 … it\u2019s up"), 3)
    assert is_gsm(text)
    assert '"errors" - 5 >= 3 ... it\'s up' in text


def test_a_page_says_what_and_where_and_ends_with_its_link() -> None:
    text = sms_text(page_message(), 3)
    assert text.startswith("P1 deep-echo-main: many errors in production\n12 % of requests fail")
    assert text.endswith("\nhttps://deep-echo.slack.com/archives/C0CRITICA4/p1")
    assert count_parts(text) == 2


def test_lines_that_do_not_fit_are_left_out_from_the_end() -> None:
    text = sms_text(page_message(lines=("first", "x" * 300, "third")), 1)
    assert "first" in text
    assert "third" not in text
    assert text.endswith("/p1")


@given(
    title=st.text(max_size=2000),
    lines=st.lists(st.text(max_size=300), max_size=5),
    parts=st.integers(1, 10),
    link_size=st.integers(0, 400),
)
def test_any_page_fits_and_keeps_its_link_whole_or_leaves_it_out(
    title: str, lines: list[str], parts: int, link_size: int
) -> None:
    link = f"https://example.com/{'x' * link_size}" if link_size else ""
    text = sms_text(page_message(title=title, lines=tuple(lines), link=link), parts)
    assert count_parts(text) <= parts
    assert len(text) <= MAX_CHARACTERS
    assert text.startswith("P1")
    assert text.endswith(link) or "https://" not in text.splitlines()[-1]


@given(st.text(max_size=700))
def test_counting_agrees_with_the_bytes_of_a_single_part(text: str) -> None:
    if not is_gsm(text):
        assert (count_parts(text) == 1) == (len(text.encode("utf-16-be")) <= 140)
    assert is_gsm(simplify("\u2019“”\u2013—…·•\u00d7→≤≥\u00a0\u202f\t`"))
