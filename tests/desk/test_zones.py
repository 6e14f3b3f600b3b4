"""Zones by the names that calendars of other programs give them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lead_desk.calendar.calendar_text import read_components
from lead_desk.calendar.calendar_zones import Zones

WINDOWS = """
-12:00 International Date Line West
-11:00 Coordinated Universal Time-11
-10:00 Aleutian Islands
-10:00 Hawaii
-09:30 Marquesas Islands
-09:00 Alaska
-08:00 Baja California
-08:00 Pacific Time (US & Canada)
-07:00 Arizona
-07:00 La Paz, Mazatlan
-07:00 Mountain Time (US & Canada)
-07:00 Yukon
-06:00 Central America
-06:00 Central Time (US & Canada)
-06:00 Guadalajara, Mexico City, Monterrey
-06:00 Saskatchewan
-05:00 Bogota, Lima, Quito, Rio Branco
-05:00 Chetumal
-05:00 Eastern Time (US & Canada)
-05:00 Haiti
-05:00 Havana
-05:00 Indiana (East)
-05:00 Turks and Caicos
-04:00 Atlantic Time (Canada)
-04:00 Caracas
-04:00 Cuiaba
-04:00 Georgetown, La Paz, Manaus, San Juan
-04:00 Santiago
-03:30 Newfoundland
-03:00 Araguaina
-03:00 Brasilia
-03:00 Cayenne, Fortaleza
-03:00 City of Buenos Aires
-03:00 Montevideo
-03:00 Punta Arenas
-03:00 Saint Pierre and Miquelon
-03:00 Salvador
-01:00 Azores
-01:00 Cabo Verde Is.
+00:00 Dublin, Edinburgh, Lisbon, London
+00:00 Monrovia, Reykjavik
+00:00 Sao Tome
+01:00 Casablanca
+01:00 Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna
+01:00 Belgrade, Bratislava, Budapest, Ljubljana, Prague
+01:00 Brussels, Copenhagen, Madrid, Paris
+01:00 Sarajevo, Skopje, Warsaw, Zagreb
+01:00 West Central Africa
+02:00 Athens, Bucharest
+02:00 Beirut
+02:00 Cairo
+02:00 Chisinau
+02:00 Harare, Pretoria
+02:00 Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius
+02:00 Jerusalem
+02:00 Kaliningrad
+02:00 Khartoum
+02:00 Tripoli
+02:00 Windhoek
+03:00 Baghdad
+03:00 Istanbul
+03:00 Kuwait, Riyadh
+03:00 Minsk
+03:00 Moscow, St. Petersburg
+03:00 Nairobi
+03:30 Tehran
+04:00 Abu Dhabi, Muscat
+04:00 Baku
+04:00 Izhevsk, Samara
+04:00 Port Louis
+04:00 Tbilisi
+04:00 Yerevan
+04:30 Kabul
+05:00 Ashgabat, Tashkent
+05:00 Ekaterinburg
+05:00 Islamabad, Karachi
+05:30 Chennai, Kolkata, Mumbai, New Delhi
+05:30 Sri Jayawardenepura
+05:45 Kathmandu
+06:00 Dhaka
+06:00 Omsk
+06:30 Yangon (Rangoon)
+07:00 Bangkok, Hanoi, Jakarta
+07:00 Krasnoyarsk
+07:00 Novosibirsk
+08:00 Beijing, Chongqing, Hong Kong, Urumqi
+08:00 Irkutsk
+08:00 Kuala Lumpur, Singapore
+08:00 Perth
+08:00 Taipei
+08:00 Ulaanbaatar
+09:00 Osaka, Sapporo, Tokyo
+09:00 Seoul
+09:00 Yakutsk
+09:30 Adelaide
+09:30 Darwin
+10:00 Brisbane
+10:00 Canberra, Melbourne, Sydney
+10:00 Guam, Port Moresby
+10:00 Hobart
+10:00 Vladivostok
+11:00 Bougainville Island
+11:00 Solomon Is., New Caledonia
+12:00 Anadyr, Petropavlovsk-Kamchatsky
+12:00 Auckland, Wellington
+12:00 Coordinated Universal Time+12
+12:00 Fiji
+13:00 Nuku'alofa
+13:00 Samoa
+14:00 Kiritimati Island
"""
"""The zones as Windows shows them: the offset in winter, and the places."""


@pytest.mark.parametrize("form", ["(UTC{}) {}", "(GMT{}) {}", '"(UTC{}) {}"'])
def test_names_that_windows_shows_are_known(form: str) -> None:
    zones = Zones()
    for line in WINDOWS.split("\n")[1:-1]:
        offset, _, places = line.partition(" ")
        zone = zones.find(form.format(offset, places))
        assert zone is not None, line
        stated = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:])) * (-1 if offset[0] == "-" else 1)
        assert stated in {datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)}, line


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [
        ("(GMT+01.00) Amsterdam / Berlin / Bern / Rome / Stockholm / Vienna", 1, 2),
        ("(UTC+01:00) Amsterdam\\, Berlin\\, Bern\\, Rome\\, Stockholm\\, Vienna", 1, 2),
        ("(UTC-05:00) Eastern Time (US &amp; Canada)", -5, -4),
        ("Eastern Time (US & Canada)", -5, -4),
        ("(UTC) Coordinated Universal Time", 0, 0),
        ("Pacific Time", -8, -7),
        ("New York", -5, -4),
        ("PDT", -8, -7),
        ("Mitteleurop\u00e4ische Zeit", 1, 2),
        ("Microsoft/Utc", 0, 0),
        ("Europe/Berlin1", 1, 2),
        ("W. Europe Standard Time 1", 1, 2),
        ("Etc/GMT-1", 1, 1),
        ("UTC+1", 1, 1),
    ],
)
def test_other_names_are_known(name: str, winter: int, summer: int) -> None:
    zone = Zones().find(name)
    offsets = [datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    assert offsets == [timedelta(hours=winter), timedelta(hours=summer)]


@pytest.mark.parametrize(
    "name", ["Customized Time Zone", "unknown/zone", "(UTC-08:00) Berlin", "(UTC+01:00)", "(UTC+01:00) ,", "1", "/", ""]
)
def test_a_name_that_says_nothing_is_not_a_zone(name: str) -> None:
    assert Zones().find(name) is None


def test_a_definition_in_the_file_counts_more_than_a_place() -> None:
    text = b"""BEGIN:VCALENDAR
BEGIN:VTIMEZONE
TZID:Berlin
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0500
TZOFFSETTO:+0500
END:STANDARD
END:VTIMEZONE
END:VCALENDAR
"""
    zone = Zones(read_components(text).parts[0].parts).find("Berlin")
    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=5)
