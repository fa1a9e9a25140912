"""The tool for real input keeps what the rows say and takes the rest from the sample generator."""

import pytest

from tools import real_rows

ROWS = """\
Declaration ID,Date,HS6 Code,Country of Origin,Net Mass,Item Price
1,2021-01-05,850440,CN,2.5,41500.25
2,2021-02-28,999999,VN,31.5,10
3,2021-03-31,870899,DE,31.6,250000
4,2021-03-31,610910,KR,0.0,77
"""


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, "utf-8")
    return path


def test_code_origin_mass_and_price_are_kept(rows):
    first = next(real_rows.read_samples(rows, year=2026))[1].item
    (piece,) = first.content
    assert (piece.hs_code, piece.origin_country, piece.net_mass.milligrams) == ("850440", "CN", 2_500_000)
    assert (piece.value.currency, piece.value.units, piece.value.nanos) == ("KRW", 41_500, 250_000_000)
    assert first.declared_value == piece.value
    assert list(first.local_identifiers) == ["1"]


def test_heavy_rows_travel_by_carrier_and_zero_mass_stays_zero(rows):
    sent = list(real_rows.read(rows, year=2026))
    assert [channel for channel, _ in sent] == ["post", "post", "carrier", "post"]
    assert sent[3][1].item.gross_mass.milligrams == sent[3][1].item.content[0].net_mass.milligrams == 0


def test_dates_move_to_the_year(rows):
    days = [sample.item.posted.written[:10] for _, sample in real_rows.read_samples(rows, year=2026)]
    assert days == ["2026-01-05", "2026-02-28", "2026-03-31", "2026-03-31"]


def test_where_the_rows_are_absent_the_tool_says_so(tmp_path, capsys):
    assert not real_rows.present(tmp_path / "valid.csv")
    assert "is not here" in capsys.readouterr().err
