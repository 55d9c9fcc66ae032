#!/usr/bin/env python3
"""Write the CSV files that load.sql reads, from the Python package idc-index-data.

    make_sample.py --out FOLDER          the collections of SAMPLE, as kept in test/data
    make_sample.py --out FOLDER --all    every series of the index (make demo FULL=1)

Needs the packages of requirements.txt. Values are passed on as the index has them, odd ones included; what is left
out is whole columns (addresses that follow from others) and series whose licence forbids commercial use. In the
files, a value without quotes that is empty is NULL.
"""
import argparse
import gzip
import html
import pathlib
import re
import sys

import idc_index_data
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

# Whole collections, chosen for what is odd in them: several licences in one collection, patients that two
# collections share, text with accents, commas, asterisks, percent signs and arrows, descriptions cut off at 64
# characters, series without date, number or description, dates moved by decades, derived series (SEG, SR, RTSTRUCT,
# REG, PR) beside their images.
SAMPLE = [
    "cc_tumor_heterogeneity",
    "cmb_mel",
    "lung_fused_ct_pathology",
    "htan_tnp_sardana",
    "pdmr_521955_158_r4",
    "pdmr_texture_analysis",
    "pseudo_phi_dicom_data",
    "qin_breast",
    "qin_prostate_repeatability",
    "remind",
    "rider_lung_pet_ct",
    "rider_pilot",
    "soft_tissue_sarcoma",
    "tcga_kirp",
    "varepop_apollo",
]

LICENCES = ["CC BY 3.0", "CC BY 4.0", "CC0"]

SERIES = [
    "collection_id", "analysis_result_id", "source_DOI", "license_short_name",
    "PatientID", "PatientAge", "PatientSex",
    "StudyInstanceUID", "StudyDate", "StudyDescription",
    "SeriesInstanceUID", "SeriesDate", "SeriesDescription", "SeriesNumber",
    "Modality", "BodyPartExamined", "Manufacturer", "ManufacturerModelName",
    "sop_class_name", "transfer_syntax_name", "PhotometricInterpretation", "PixelRepresentation",
    "instanceCount", "series_size_MB",
    "series_init_idc_version", "series_revised_idc_version", "crdc_series_uuid",
]

COLLECTIONS = [
    "collection_id", "collection_name", "cancer_types", "tumor_locations", "subjects", "species",
    "program_id", "status", "updated", "description",
]

PRIOR = [
    "SeriesInstanceUID", "collection_id", "PatientID", "StudyInstanceUID", "Modality", "series_size_MB",
    "min_idc_version", "max_idc_version", "crdc_series_uuid",
]


def read(name):
    """One table of the package, by the name of its parquet file."""
    return pq.read_table(pathlib.Path(idc_index_data.__file__).parent / f"{name}.parquet")


def write(table, path):
    """Gzipped CSV with a header; the same table gives the same bytes.  PostgreSQL's text has no NUL: it becomes U+FFFD."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(place, field.name, pc.replace_substring(table[field.name], "\x00", "\ufffd"))
    sink = pa.BufferOutputStream()
    pacsv.write_csv(table, sink, pacsv.WriteOptions(quoting_style="all_valid", quoting_header="none"))
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9 if table.num_rows < 100_000 else 6, raw, mtime=0) as packed:
        packed.write(sink.getvalue())
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes", file=sys.stderr)


def plain(text):
    """A citation without its markup, on one line."""
    text = html.unescape(re.sub(r"<[^>]+>", "", html.unescape(text)))
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def write_sources(series, collections, path):
    """A table of licence, source and citation for each collection and each source in it."""
    known = {}
    for row in collections.to_pylist():
        for source in row["sources"]:
            known[(source["source_doi"] or "").lower()] = source.get("citation") or ""
    groups = series.group_by(["collection_id", "source_DOI", "license_short_name"]).aggregate([("SeriesInstanceUID", "count")])
    with open(path, "w", encoding="utf-8") as out:
        out.write("# Sources of the sample\n\nWritten by `make_sample.py`: every collection, each source in it, and its licence.\n\n")
        out.write("| collection | series | licence | DOI | citation |\n| --- | ---: | --- | --- | --- |\n")
        for row in sorted(groups.to_pylist(), key=lambda r: (r["collection_id"], r["source_DOI"] or "", r["license_short_name"])):
            doi = row["source_DOI"] or ""
            citation = plain(known.get(doi.lower(), ""))
            out.write(f"| {row['collection_id']} | {row['SeriesInstanceUID_count']} | {row['license_short_name']} | {doi} | {citation} |\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", required=True, type=pathlib.Path, help="folder for the files")
    arguments.add_argument("--all", action="store_true", help="every collection and licence of the index")
    chosen = arguments.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)

    series, collections, prior = read("idc_index"), read("collections_index"), read("prior_versions_index")
    if not chosen.all:
        wanted = pa.array(SAMPLE)
        series = series.filter(pc.and_(pc.is_in(series["collection_id"].cast(pa.string()), wanted),
                                       pc.is_in(series["license_short_name"].cast(pa.string()), pa.array(LICENCES))))
        collections = collections.filter(pc.is_in(collections["collection_id"].cast(pa.string()), wanted))
        prior = prior.filter(pc.is_in(prior["SeriesInstanceUID"].cast(pa.string()), series["SeriesInstanceUID"].cast(pa.string())))
        write_sources(series, collections, chosen.out / "SOURCES.md")
    order = [(name, "ascending") for name in ("collection_id", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")]
    write(series.select(SERIES).sort_by(order), chosen.out / "series.csv.gz")
    write(collections.select(COLLECTIONS).sort_by("collection_id"), chosen.out / "collections.csv.gz")
    write(prior.select(PRIOR).sort_by(order + [("min_idc_version", "ascending")]), chosen.out / "prior_versions.csv.gz")
    write(read("version_metadata_index").select(["idc_version", "version_timestamp"]).sort_by("idc_version"),
          chosen.out / "releases.csv.gz")


if __name__ == "__main__":
    main()
