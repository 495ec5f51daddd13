"""The demo: nights of the flights model, lived through by a real Airflow and a real MLflow on this machine."""
