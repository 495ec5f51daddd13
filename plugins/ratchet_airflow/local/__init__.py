"""A real Airflow and a real MLflow on loopback: started, watched and ended as one."""
