# Built in two stages; runs as nobody in particular, from a read-only file system, with its data in /data.
# Everything that the build fetches is pinned: the image by digest, packages by hash. To take a newer one, ask
# `docker buildx imagetools inspect python:3.11-slim-bookworm` for its digest, and run `make lock`.
ARG PYTHON=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${PYTHON} AS build
WORKDIR /src
RUN python -m venv /app && python -m venv /build
COPY requirements-build.lock ./
RUN /build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
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
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /app/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && python -m compileall -q /app/lib

FROM ${PYTHON}
RUN useradd --system --uid 10001 --home-dir /data --create-home deepecho
COPY --from=build /app /app
USER 10001
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 DEEPECHO_DATA_DIR=/data DEEPECHO_CATALOGUE=/etc/deepecho/deepecho.yaml DEEPECHO_HTTP__HOST=0.0.0.0
VOLUME /data
# Slack and webhooks; health and metrics where DEEPECHO_HTTP__MANAGEMENT_PORT says so. See "What to publish" in the README.
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import os, urllib.request; e = os.environ.get; urllib.request.urlopen(f\"http://127.0.0.1:{e('DEEPECHO_HTTP__MANAGEMENT_PORT') or e('DEEPECHO_HTTP__PORT') or 8080}/healthz\", timeout=4)"]
ENTRYPOINT ["deepecho"]
CMD ["run", "--migrate"]
