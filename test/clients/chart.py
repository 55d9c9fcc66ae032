"""A chart without a screen: Polars reads a view through ADBC, Altair draws, and the picture is a PNG."""

import os
import sys

import altair as alt
import numpy
import polars as pl
from PIL import Image
from checks import check, finish, same, url

SQL = """
SELECT d.name AS collection, v.modality, sum(v.size_mb)::float8 / 1024 AS gigabytes, count(*) AS series
FROM volume_current v JOIN datasource_current d USING (datasource_id)
WHERE v.modality IN ('MR', 'CT', 'PT', 'US', 'SEG')
GROUP BY d.name, v.modality"""

frame = pl.read_database_uri(SQL, url("demo"), engine="adbc")
check("rows", frame.height > 15 and frame["series"].sum() > 5000, frame)
chart = (
    alt.Chart(frame, title="Series in volume_current, by collection and modality")
    .mark_bar()
    .encode(
        x=alt.X("series:Q", title="series"),
        y=alt.Y("collection:N", sort="-x", title=None),
        color=alt.Color("modality:N", title="modality"),
    )
    .properties(width=520)
)
target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ.get("VXP_KIT", "."), "chart.png")
chart.save(target, scale_factor=1)
with open(target, "rb") as file:
    picture = file.read()
check("a PNG", picture[:8] == b"\x89PNG\r\n\x1a\n" and len(picture) > 5000, len(picture))
width = int.from_bytes(picture[16:20], "big")
check("as wide as drawn", width > 500, width)
same("the sum over the bars is that of the table", frame["series"].sum(),
     pl.read_database_uri("SELECT count(*) AS n FROM volume WHERE modality IN ('MR', 'CT', 'PT', 'US', 'SEG')", url("demo"), engine="adbc")["n"][0])
# docs/clients.md shows this picture; python test/clients/chart.py docs/images/series.png writes it. Letters may differ where
# a machine has other fonts, bars may not.
with Image.open("docs/images/series.png") as shown, Image.open(target) as drawn:
    check("as large as the one in the documents", abs(shown.width - drawn.width) < 40 and abs(shown.height - drawn.height) < 20, shown.size, drawn.size)
    size = (min(shown.width, drawn.width), min(shown.height, drawn.height))
    pixels = [numpy.asarray(image.convert("RGB").crop((0, 0, *size)), dtype=int) for image in (shown, drawn)]
    differ = float((abs(pixels[0] - pixels[1]).max(axis=2) > 64).mean())
    check("the picture in the documents is this one", differ < 0.05, differ)
finish()
