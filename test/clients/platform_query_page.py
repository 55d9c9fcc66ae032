"""The examples of the platform's page "Querying in Detail", as printed there, against clients/python; and each question
as one SQL statement, which must give the same rows."""

import os

import polars as pl
import psycopg
from checks import check, dsn, finish, same

from vxp_client import ALL, ANY, F, PlatformClient, QueryError, has_ancestor

sql_connection = psycopg.connect(dsn("platform"), autocommit=True)
sql_connection.execute("SET search_path = public, vxp; SET TimeZone = 'UTC'")


def rows(frame):
    return sorted((tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in frame.rows()), key=repr)


def sql(statement):
    # numeric arrives in a data frame as Float64
    statement = f"SELECT * FROM ({statement}) s"
    found = sql_connection.execute(statement).fetchall()
    return sorted((tuple(float(v) if type(v).__name__ == "Decimal" else tuple(v) if isinstance(v, list) else v for v in row) for row in found), key=repr)


def compare(name, frame, statement, least=1):
    """The frame's rows are those of the statement, and at least so many."""
    found, wanted = rows(frame), sql(statement)
    check(f"{name}: {len(wanted)} rows", found == wanted and len(wanted) >= least, found[:3], wanted[:3], len(found))


IDS = ", ".join(c for c in "identifier volume_type image_plane slice_thickness".split())

for driver in ("adbc", "psycopg"):
    os.environ["VXP_DSN"] = dsn("platform")
    client = PlatformClient(driver=driver)
    same("driver", client.driver, driver)

    # --- Querying Data
    # Get all volumes from the platform
    volumes = client.query("Volume").collect()
    compare(f"{driver}: all volumes", volumes.select(IDS.split(", ")), f"SELECT {IDS} FROM volume_current")
    same("its columns are those of the table", volumes.columns, [r[0] for r in sql_connection.execute(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'volume'::regclass AND attnum > 0 ORDER BY attnum")])
    # Chainable filtering
    volumes = (
        client.query("Volume")
        .filter(F.volume_type == "T2",
                F.image_plane == "transversal")
        .limit(100)
        .collect()
    )
    check("limit", volumes.height == 100 and set(volumes["volume_type"]) == {"T2"} and set(volumes["image_plane"]) == {"transversal"})

    # --- Field Accessor (F): each line, and its SQL
    for condition, where, least in [
        (F.volume_type == "T2", "volume_type = 'T2'", 500),
        (F.volume_type != "T1", "volume_type IS DISTINCT FROM 'T1'", 500),
        (F.slice_thickness > 2.5, "slice_thickness > 2.5", 500),
        (F.slice_thickness >= 2.5, "slice_thickness >= 2.5", 500),
        (F.slice_thickness < 5.0, "slice_thickness < 5.0", 500),
        (F.slice_thickness <= 5.0, "slice_thickness <= 5.0", 500),
        (F.series_description.contains("T2"), "series_description LIKE '%T2%'", 500),
        (F.patient_id.startswith("DA"), "patient_id LIKE 'DA%'", 0),
        (F.patient_id.startswith("patient/DA"), "patient_id LIKE 'patient/DA%'", 100),
        (F.patient_id.is_in(["DA001", "DA002", "DA003"]), "patient_id IN ('DA001', 'DA002', 'DA003')", 0),
        (F.patient_id.is_in(["patient/DA00001", "patient/DA00002"]), "patient_id IN ('patient/DA00001', 'patient/DA00002')", 10),
        (F.slice_thickness.between(2.0, 4.0), "slice_thickness BETWEEN 2.0 AND 4.0", 300),
        (F.acquisition_datetime.after("2024-01-01"), "acquisition_datetime > '2024-01-01 00:00Z'", 300),
        (F.acquisition_datetime.before("2025-01-01"), "acquisition_datetime < '2025-01-01 00:00Z'", 300),
        # what the wire would read as a pattern is a name here, and a pattern is asked for as one
        (F.series_description == "T2* gre", "series_description = 'T2* gre'", 50),
        (F.series_description != "T2* gre", "series_description IS DISTINCT FROM 'T2* gre'", 500),
        (F.series_description.is_in(["T2* gre", "T1 vibe"]), "series_description IN ('T2* gre', 'T1 vibe')", 200),
        (F.series_description.like("T2*"), "series_description LIKE 'T2%'", 500),
        # operators between conditions
        ((F.volume_type == "T1") | (F.volume_type == "SEG") & (F.derived_from.exists()), "volume_type = 'T1' OR (volume_type = 'SEG' AND derived_from IS NOT NULL)", 100),
        (~(F.slice_thickness > 3), "(slice_thickness > 3) IS NOT TRUE", 100),
        (F.slice_thickness == None, "slice_thickness IS NULL", 600),
    ]:
        compare(f"{driver}: {where}", client.query("Volume").filter(condition).select("identifier").collect(), f"SELECT identifier FROM volume WHERE {where}", least)

    # --- Metadata Fields
    metadata = ["identifier", "parent_identifier", "valid_from", "valid_to", "created_at", "license"]
    for kind in ("Datasource", "Patient", "ImagingStudy", "Volume", "AnnotationSession", "PathologyAssessment", "PIRADSAssessment"):
        compare(f"{driver}: metadata fields of {kind}", client.query(kind).select(*metadata).collect(), f"SELECT {', '.join(metadata)} FROM {kind.lower()}_current")
    # Get specific volumes by identifier
    volumes = (
        client.query("Volume")
        .filter(F.identifier.is_in([
            "volume/DA00001/study-1/series-1",
            "volume/DA00002/study-1/series-1",
        ]))
        .collect()
    )
    same("by identifier", sorted(volumes["identifier"]), ["volume/DA00001/study-1/series-1", "volume/DA00002/study-1/series-1"])

    # --- Lineage Filters
    # All volumes from a datasource
    volumes = client.query("Volume").filter(F.datasource_id == "datasource/dasa").collect()
    compare(f"{driver}: a datasource", volumes.select("identifier"), "SELECT identifier FROM volume WHERE datasource_id = 'datasource/dasa'", 100)
    # Multiple datasources
    volumes = client.query("Volume").filter(F.datasource_id.is_in(["datasource/dasa", "datasource/basel"])).collect()
    compare(f"{driver}: two datasources", volumes.select("identifier"), "SELECT identifier FROM volume WHERE has_any_ancestor(lineage, '{datasource/dasa,datasource/basel}')", 200)
    # All resources under a patient
    volumes = client.query("Volume").filter(F.patient_id == "patient/DA00001").collect()
    compare(f"{driver}: a patient", volumes.select("identifier"), "SELECT identifier FROM volume WHERE has_ancestor(lineage, 'patient/DA00001')", 4)
    # All resources under a study
    volumes = client.query("Volume").filter(F.study_id == "imagingstudy/DA00001/study-1").collect()
    compare(f"{driver}: a study", volumes.select("identifier"), "SELECT identifier FROM volume WHERE parent_identifier = 'imagingstudy/DA00001/study-1'", 4)
    # Generic ancestor filter (for other ancestor types)
    volumes = client.query("Volume").filter(has_ancestor("datasource/dasa")).collect()
    compare(f"{driver}: has_ancestor", volumes.select("identifier"), "SELECT identifier FROM volume WHERE has_ancestor(lineage, 'datasource/dasa')", 100)
    # Axial T2 volumes from DASA
    volumes = (
        client.query("Volume")
        .filter(
            F.datasource_id == "datasource/dasa",
            F.volume_type == "T2",
            F.image_plane == "transversal"
        )
        .collect()
    )
    compare(f"{driver}: axial T2 volumes from DASA", volumes.select("identifier"),
            "SELECT identifier FROM volume_current WHERE datasource_id = 'datasource/dasa' AND volume_type = 'T2' AND image_plane = 'transversal'", 50)
    same("none from a datasource that is not there", client.query("Volume").filter(F.datasource_id == "datasource/nowhere").collect().height, 0)

    # --- Subqueries
    # Get volumes linked to submitted annotation sessions
    # Note: derived_from is an array, so we check if any element matches
    session_ids = (
        client.query("AnnotationSession")
        .filter(F.source == "manual-masks", F.status == "submitted")
        .select("identifier")
        .collect()["identifier"]
        .to_list()
    )
    masks = (
        client.query("Volume")
        .filter(F.volume_type == "SEG")
        .collect()
        .filter(
            pl.col("derived_from").list.eval(pl.element().is_in(session_ids)).list.any()
        )
    )
    masks_sql = """SELECT identifier FROM volume WHERE volume_type = 'SEG' AND derived_from &&
        ARRAY(SELECT s.identifier FROM annotationsession s WHERE s.source = 'manual-masks' AND s.status = 'submitted')"""
    compare(f"{driver}: masks of submitted sessions, in two steps", masks.select("identifier"), masks_sql, 20)
    # the same in one request: the server reads the array element by element
    masks = (
        client.query("Volume")
        .filter(F.volume_type == "SEG",
                F.derived_from.is_in(
                    client.query("AnnotationSession")
                    .filter(F.source == "manual-masks", F.status == "submitted")
                    .select("identifier")))
        .select("identifier")
        .collect()
    )
    compare(f"{driver}: masks of submitted sessions, in one request", masks, masks_sql, 20)

    # --- ANY/ALL Comparisons
    # Volumes thicker than any T1 volume
    thick_volumes = (
        client.query("Volume")
        .filter(
            F.slice_thickness > ANY(
                client.query("Volume")
                .filter(F.volume_type == "T1")
                .select("slice_thickness")
            )
        )
        .collect()
    )
    compare(f"{driver}: thicker than any T1 volume", thick_volumes.select("identifier", "slice_thickness"),
            "SELECT identifier, slice_thickness FROM volume WHERE slice_thickness > ANY (SELECT slice_thickness FROM volume WHERE volume_type = 'T1')", 500)
    # Volumes thinner than all T2 volumes
    thin_volumes = (
        client.query("Volume")
        .filter(
            F.slice_thickness < ALL(
                client.query("Volume")
                .filter(F.volume_type == "T2")
                .select("slice_thickness")
            )
        )
        .collect()
    )
    compare(f"{driver}: thinner than all T2 volumes", thin_volumes.select("identifier", "slice_thickness"),
            "SELECT identifier, slice_thickness FROM volume WHERE slice_thickness < ALL (SELECT slice_thickness FROM volume WHERE volume_type = 'T2' AND slice_thickness IS NOT NULL)", 20)
    for name, build in {">": F.slice_thickness.__gt__, ">=": F.slice_thickness.__ge__, "<": F.slice_thickness.__lt__, "<=": F.slice_thickness.__le__}.items():
        for word, wrap in (("ANY", ANY), ("ALL", ALL)):
            query = client.query("Volume").filter(F.volume_type == "ADC").select("slice_thickness")
            compare(f"{driver}: {name} {word}", client.query("Volume").filter(build(wrap(query))).select("identifier").collect(),
                    f"SELECT identifier FROM volume WHERE slice_thickness {name} {word} (SELECT slice_thickness FROM volume WHERE volume_type = 'ADC' AND slice_thickness IS NOT NULL)")

    # --- Column Selection
    # Only fetch the columns you need
    masks = (
        client.query("Volume")
        .filter(F.volume_type == "SEG")
        .select("path_nii", "segmentation_reference_uid")
        .collect()
    )
    same("the columns asked for, in that order", masks.columns, ["path_nii", "segmentation_reference_uid"])
    compare(f"{driver}: masks", masks, "SELECT path_nii, segmentation_reference_uid FROM volume WHERE volume_type = 'SEG'", 600)

    # --- Combining with Polars
    # Get axial T2 volumes for patients from bamberg
    volumes = (
        client.query("Volume")
        .filter(F.volume_type == "T2",
                F.image_plane == "transversal",
                F.datasource_id == "datasource/bamberg")
        .select("identifier", "patient_id")
        .collect()
    )
    # Get highest ISUP per patient
    pathology = (
        client.query("PathologyAssessment")
        .filter(F.datasource_id == "datasource/bamberg")
        .select("patient_id", "isup")
        .collect()
        .group_by("patient_id")
        .agg(pl.col("isup").max().alias("max_isup"))
    )
    # Get highest PIRADS per patient
    pirads = (
        client.query("PIRADSAssessment")
        .filter(F.datasource_id == "datasource/bamberg")
        .select("patient_id", "score")
        .collect()
        .group_by("patient_id")
        .agg(pl.col("score").max().alias("max_pirads"))
    )
    # Join everything together
    result = (
        volumes
        .join(pathology, on="patient_id", how="left")
        .join(pirads, on="patient_id", how="left")
    )
    compare(f"{driver}: highest ISUP and PIRADS per patient", result, """
        SELECT identifier, patient_id, max_isup, max_pirads
        FROM vxp.query(NULL::volume, '{"filter": {"volume_type": "T2", "image_plane": "transversal", "datasource_id": "datasource/bamberg"}}') v
        LEFT JOIN (SELECT patient_id, max(isup) AS max_isup FROM pathologyassessment_current GROUP BY patient_id) p USING (patient_id)
        LEFT JOIN (SELECT patient_id, max(score) AS max_pirads FROM piradsassessment_current GROUP BY patient_id) r USING (patient_id)""", 50)
    check("with patients without an assessment, and with a score", None in result["max_isup"].to_list() and max(result["max_isup"].drop_nulls()) == 5)

    # --- what the page does not show
    check("sort", client.query("Volume").sort("slice_thickness", descending=True).select("slice_thickness").limit(1).collect().rows() == [(5.6,)])
    same("count", client.query("Volume").filter(F.volume_type == "SEG").count(), 600)
    check("to_sql", "volume_type = 'SEG'::text" in client.query("Volume").filter(F.volume_type == "SEG").to_sql())
    empty = client.query("Volume").filter(F.volume_type == "none").select("slice_thickness", "derived_from", "acquisition_datetime").collect()
    same("the types of an empty answer", dict(empty.schema), {"slice_thickness": pl.Float64, "derived_from": pl.List(pl.String), "acquisition_datetime": pl.Datetime("us", "UTC")})
    for query, sqlstate, hint in (
        (client.query("Volume").filter(F.volum_type == "T2"), "42703", 'Perhaps you meant the field "volume_type".'),
        (client.query("Volume").select("identifer"), "42703", 'Perhaps you meant the field "identifier".'),
        (client.query("Volumes"), "42704", "See the view vxp.resource_types."),
        (client.query("Volume").filter({"slice_thickness": {"$like": 1}}), "22023", None),
    ):
        try:
            query.collect()
            check(f"{driver}: {query} is refused", False)
        except QueryError as error:
            check(f"{driver}: {sqlstate} {error.message}", error.sqlstate == sqlstate and (hint is None or error.hint == hint), error.sqlstate, error.hint)
    for misuse in (lambda: bool(F.a == 1), lambda: F.a == client.query("Volume"), lambda: F.a.is_in("abc"), lambda: F.a.is_in(client.query("Volume"))):
        try:
            misuse()
            check("misuse is refused", False)
        except (TypeError, ValueError) as error:
            check(f"misuse is refused: {error}", True)
    client.close()

finish()
