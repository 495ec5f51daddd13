# One image for every service of docker-compose.yaml.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PATH=/opt/venv/bin:$PATH \
    UV_LINK_MODE=copy \
    UV_CACHE_DIR=/var/cache/uv \
    AIRFLOW_HOME=/opt/airflow

# Two users without a shell: what MLflow is made to write can reach neither DAGs, plugins nor the home.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin ratchet \
 && useradd --uid 10002 --no-create-home --shell /usr/sbin/nologin mlflow \
 && install -d -o ratchet -g ratchet -m 0750 /var/lib/ratchet /var/lib/airflow "$AIRFLOW_HOME" \
 && install -d -o mlflow -g mlflow -m 0750 /var/lib/mlflow

WORKDIR /app
RUN python -m venv /opt/venv && pip install --no-cache-dir uv==0.13.8
COPY pyproject.toml requirements.lock README.md ./
COPY include ./include
COPY plugins ./plugins
# uv checks each package against its hash in the lock.
RUN --mount=type=cache,target=/var/cache/uv \
    uv pip install --python /opt/venv/bin/python --constraints requirements.lock '.[flights,postgres]'
COPY dags ./dags
# Airflow imports it by this name in each component: the scheduler loads the heavy libraries once, before it forks.
COPY plugins/ratchet_airflow/local/airflow_local_settings.py /opt/airflow/config/

USER ratchet
