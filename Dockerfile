# Built in two stages; runs as nobody in particular, from a read-only file system, with its data in /data.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /app
COPY requirements.lock ./
RUN /app/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain ./domain
COPY storage ./storage
COPY integrations ./integrations
COPY runbooks ./runbooks
COPY commands ./commands
COPY bot ./bot
# The sandbox is for development and stays out of the image.
RUN /app/bin/pip install --no-cache-dir --no-deps . \
    && python -m compileall -q /app/lib

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home deepecho
COPY --from=build /app /app
USER 10001
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 DEEPECHO_DATA_DIR=/data DEEPECHO_CATALOGUE=/etc/deepecho/deepecho.yaml DEEPECHO_HTTP__HOST=0.0.0.0
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["deepecho"]
CMD ["run", "--migrate"]
