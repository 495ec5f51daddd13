"""A model as a folder of files, named by its digest: saved, verified and loaded without pickle."""
