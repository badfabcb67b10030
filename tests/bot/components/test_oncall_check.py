import zoneinfo
from pathlib import Path

import pytest

from bot.components.oncall_check import check_zone_data, zone_data_version


def test_the_zone_data_is_proved_and_its_version_named() -> None:
    result = check_zone_data()
    assert result.ok
    assert zone_data_version() in result.detail
    assert zone_data_version()[:2] == "20"
    assert "Australia/Lord_Howe" in result.detail


@pytest.fixture
def only_folder(tmp_path: Path) -> Path:
    """The only place where zone data is looked for, while a test runs."""
    return tmp_path


@pytest.mark.parametrize(("other", "says"), [("UTC", "Europe/Berlin does not change at 2026-03-29"), ("", "version 2026")])
def test_data_without_the_known_changes_is_called_wrong(only_folder: Path, other: str, says: str) -> None:
    """With ``other``, the files of Europe/Berlin hold another zone's data; else the package's data is read."""
    if other:
        (only_folder / "Europe").mkdir()
        source = next(Path(each) / other for each in zoneinfo.TZPATH if (Path(each) / other).is_file())
        (only_folder / "Europe" / "Berlin").write_bytes(source.read_bytes())
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(only_folder)])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert says in check_zone_data().detail
    finally:
        zoneinfo.reset_tzpath(list(before))
        zoneinfo.ZoneInfo.clear_cache()
