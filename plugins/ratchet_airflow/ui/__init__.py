"""Pages of our own inside Airflow's UI, each behind Airflow's access checks."""
