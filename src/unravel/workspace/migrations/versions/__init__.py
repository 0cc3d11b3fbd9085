"""One file for each revision, `rNNNN_what.py`; each number stands in `workspace.schema.REVISIONS` as well."""
