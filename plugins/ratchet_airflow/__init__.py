"""What Airflow performs for Ratchet: operators, sensors, triggers and the DAGs of a model."""
