"""Quantities of Kubernetes, and how people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workloads.quantities import cpu_text, memory_text, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", 0.25),
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("512Mi", 512 * 2**20),
        ("1Gi", 2**30),
        ("1G", 1e9),
        ("123456789n", 0.123456789),
        ("100u", 1e-4),
        ("1e3", 1000),
        ("12E", 12e18),
        ("-1", -1),
        ("", None),
        ("much", None),
        ("1 Gi", None),
        ("1Gib", None),
        ("1e99999", None),
    ],
)
def test_what_a_quantity_means(text: str, value: float | None) -> None:
    assert parse_quantity(text) == value


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    assert parse_quantity(text) is None or isinstance(parse_quantity(text), float)


def test_how_people_read_it() -> None:
    assert [cpu_text(each) for each in (0.05, 0.999, 1, 12.25)] == ["50m", "999m", "1", "12.2"]
    assert [memory_text(each) for each in (0, 200 * 2**20, 1.5 * 2**30)] == ["0 MiB", "200 MiB", "1.5 GiB"]
