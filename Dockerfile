# The image of datastack-exporter. What is in it and how it is run: docs/container.md; why: docs/decisions/0023-the-image.md.

# python:3.11-slim-bookworm of 2026-08-25, Python 3.11.16: the index of all its platforms. The one place of the base.
FROM python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b AS base

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_ONLY_BINARY=:all: \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/build.txt requirements/image.txt requirements/
# The pip of the base installs into both: neither has one of its own.
RUN python3 -m venv --without-pip /opt/build && \
    python3 -m venv --without-pip /opt/datastack-exporter && \
    python3 -m pip --python /opt/build/bin/python install --require-hashes -r requirements/build.txt && \
    python3 -m pip --python /opt/datastack-exporter/bin/python install --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /dist && \
    python3 -m pip --python /opt/datastack-exporter/bin/python install --no-deps --no-index /dist/*.whl
# Bytecode that holds whatever the times of the files are: nothing can be written when the daemon runs.
COPY deploy/image/sbom.py deploy/image/sbom.py
RUN find /opt/datastack-exporter/bin -type f ! -name datastack-exporter -delete && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /opt/datastack-exporter/lib && \
    /opt/datastack-exporter/bin/python deploy/image/sbom.py > /opt/datastack-exporter/sbom.cdx.json

FROM base
# What installs packages goes; the standard library gets its bytecode, which the base leaves out.
RUN library="$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" && \
    python3 -m pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel && \
    rm -rf "$library/ensurepip" && \
    python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(site-packages|idlelib|lib2to3|tests?|tkinter|turtledemo)/' "$library"
COPY --from=build /opt/datastack-exporter /opt/datastack-exporter
ENV PATH=/opt/datastack-exporter/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    EXPORTER_WEB__LISTEN_ADDRESS=:9188
USER 65532:65532
EXPOSE 9188
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["datastack-exporter", "healthcheck"]
ENTRYPOINT ["datastack-exporter"]
# Last, since they change with each build.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="datastack-exporter" \
      org.opencontainers.image.description="One Prometheus exporter for PostgreSQL, Redis, PgBouncer, connection pools and the host." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
