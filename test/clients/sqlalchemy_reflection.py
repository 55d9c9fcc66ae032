"""SQLAlchemy: reflection of tables and views with their comments, Core statements over them, requests as parameters."""

import json
import warnings

import sqlalchemy as sa
from checks import check, finish, same, url
from sqlalchemy.dialects.postgresql import base
from sqlalchemy.types import UserDefinedType


class Lineage(UserDefinedType):
    """The type of a path, as reflection finds it."""

    cache_ok = True

    def __init__(self, *_, **__):
        pass

    def get_col_spec(self, **_):
        return "vxp.lineage"


SEG = '{"filter": {"modality": "SEG"}}'

for scheme in ("postgresql+psycopg", "postgresql+psycopg2"):
    engine = sa.create_engine(url("demo", scheme))
    base.ischema_names.pop("lineage", None)
    with engine.connect() as connection:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            inspector = sa.inspect(engine)
            names = inspector.get_view_names("public")
            check(f"{scheme}: the views", {"volume_current", "patient_current", "imagingstudy_current", "datasource_current"} <= set(names), names)
            plain = sa.Table("volume_current", sa.MetaData(), autoload_with=engine)
        unknown = [str(w.message) for w in caught if "Did not recognize type" in str(w.message)]
        same(f"{scheme}: only lineage is unknown to it", unknown, ["Did not recognize type 'lineage' of column 'lineage'"])
        # a type for it is told to the dialect once
        base.ischema_names["lineage"] = Lineage
        view = sa.Table("volume_current", sa.MetaData(), autoload_with=engine)
        inspector = sa.inspect(engine)
        types = {c.name: type(c.type) for c in view.columns}
        same(f"{scheme}: types", [types[c] for c in ("identifier", "size_mb", "series_date", "valid_from", "metadata", "derived_from", "lineage_path", "patient_id")],
             [sa.TEXT, sa.NUMERIC, sa.DATE, sa.dialects.postgresql.TIMESTAMP, sa.dialects.postgresql.JSONB, sa.dialects.postgresql.ARRAY, sa.TEXT, sa.TEXT])
        check(f"{scheme}: comments", all(c["comment"] for c in inspector.get_columns("volume_current")) and inspector.get_table_comment("volume_current")["text"])
        same(f"{scheme}: the key of the table", inspector.get_pk_constraint("volume")["constrained_columns"], ["identifier"])
        check(f"{scheme}: its indexes", {"volume_patient_id_idx", "volume_modality_idx"} <= {i["name"] for i in inspector.get_indexes("volume")})

        wanted = connection.scalar(sa.select(sa.func.count()).select_from(view).where(view.c.modality == "SEG"))
        check(f"{scheme}: Core over the view", wanted > 100)
        same(f"{scheme}: a request", connection.scalar(sa.text("SELECT count(*) FROM volume(:dql)"), {"dql": SEG}), wanted)
        same(f"{scheme}: as a function", connection.scalar(sa.select(sa.func.count()).select_from(sa.func.volume(SEG).table_valued("identifier"))), wanted)
        volumes = sa.func.volume(SEG).table_valued(sa.column("identifier", sa.Text), sa.column("patient_id", sa.Text), name="v")
        patients = sa.Table("patient_current", sa.MetaData(), autoload_with=engine)
        same(f"{scheme}: joined with a view",
             connection.scalar(sa.select(sa.func.count()).select_from(volumes.join(patients, patients.c.patient_id == volumes.c.patient_id)).where(patients.c.sex == "F")),
             connection.scalar(sa.text("SELECT count(*) FROM volume v JOIN patient p USING (patient_id) WHERE v.modality = 'SEG' AND p.sex = 'F'")))
        patient = connection.scalar(sa.select(view.c.patient_id).where(view.c.modality == "SEG").limit(1))
        same(f"{scheme}: an ancestor", connection.scalar(sa.select(sa.func.count()).select_from(view).where(sa.func.vxp.has_ancestor(view.c.lineage, patient))),
             connection.scalar(sa.select(sa.func.count()).select_from(view).where(view.c.patient_id == patient)))
        request = json.dumps({"resource": "Volume", "filter": {"modality": "SEG"}, "pageSize": 2, "select": ["modality"]})
        for function in (sa.func.vxp.page, sa.func.vxp.execute):
            answer = connection.scalar(sa.select(function(request)))
            same(f"{scheme}: {function(1)}", (answer["totalItemsCount"], answer["items"]), (wanted, [{"modality": "SEG"}] * 2))
        same(f"{scheme}: vxp.count", connection.scalar(sa.select(sa.func.vxp.count(request))), wanted)
    with engine.connect() as connection:
        try:
            connection.execute(sa.text("SELECT * FROM volume(:dql)"), {"dql": '{"filter": {"modalty": 1}}'})
            check("a misspelt field is refused", False)
        except sa.exc.ProgrammingError as error:
            original = error.orig
            same(f"{scheme}: the error", (getattr(original, "sqlstate", None) or original.pgcode, original.diag.message_hint), ("42703", 'Perhaps you meant the field "modality".'))
finish()
